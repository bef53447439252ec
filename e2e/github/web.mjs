// The pages of GitHub a browser is sent to: where one installs an App, and where one signs in.

import { createHash } from "node:crypto";

import { redirect, reply } from "./reply.mjs";

export class Web {
    #world;
    #emulate;
    #installations;
    #hooks;
    /** What the exchange of a code has to match: by the state while the person consents, then by the code. */
    #challenges = new Map();

    constructor(world, emulate, installations, hooks) {
        this.#world = world;
        this.#emulate = emulate;
        this.#installations = installations;
        this.#hooks = hooks;
    }

    async answer({ method, url, headers, body }) {
        const { slug } = this.#world.app;
        switch (`${method} ${url.pathname}`) {
            // GitHub has the first, an Enterprise Server the second.
            case `GET /apps/${slug}/installations/new`:
            case `GET /github-apps/${slug}/installations/new`:
                return this.#consentPage(url.searchParams.get("state") ?? "");
            case "POST /_consent":
                return this.#consent(new URLSearchParams(body.toString()));
            case "GET /login/oauth/authorize":
                return this.#authorize(url, headers);
            case "POST /login/oauth/callback":
                return this.#signIn(headers, body);
            case "POST /login/oauth/access_token":
                return this.#exchange(headers, body);
            default:
                return undefined;
        }
    }

    /** A page to choose who one is and where to install. */
    #consentPage(state) {
        const { users, orgs } = this.#world;
        const people = users.map(({ login }) => `<option>${login}</option>`).join("");
        const accounts = [...users, ...orgs].map(({ login }) => `<option>${login}</option>`).join("");
        const html = `<!doctype html><title>Install ${this.#world.app.name}</title>
            <form method="post" action="/_consent">
            <input type="hidden" name="state" value="${escape(state)}">
            <label>You are <select name="login">${people}</select></label>
            <label>Install on <select name="account">${accounts}</select></label>
            <label>Only on (separated by commas) <input name="repositories"></label>
            <button>Install or ask</button></form>`;
        return reply(200, html, { "content-type": "text/html; charset=utf-8" });
    }

    /** Installs, or asks for it where one may not; and goes back as GitHub does. */
    async #consent(form) {
        const [login, account, state] = ["login", "account", "state"].map((name) => form.get(name) ?? "");
        const names = form.get("repositories") ? form.get("repositories").split(",") : null;
        if (!this.#installations.belongs(login, account)) {
            return reply(403, { message: `${login} has nothing to do with ${account}` });
        }
        if (this.#installations.administers(login, account)) {
            return redirect(await this.install(login, account, names, state));
        }
        await this.#installations.request(login, account);
        return redirect(await this.#back(login, { setup_action: "request", state }));
    }

    /** Installs for a person, and says where GitHub sends that person then. */
    async install(login, account, names, state, requester = null) {
        const installation = this.#installations.install(account, names);
        const back = { installation_id: String(installation.id), setup_action: "install", ...(state ? { state } : {}) };
        const address = await this.#back(login, back);
        await this.#hooks.installation("created", installation, requester);
        return address;
    }

    /** The App's own address, with a code for the person. */
    async #back(login, values) {
        const form = { login, client_id: this.#world.app.client_id, redirect_uri: this.#world.app.callback_urls[0] };
        const body = new URLSearchParams(form).toString();
        const headers = { "content-type": "application/x-www-form-urlencoded" };
        const answer = await this.#emulate.pass("POST", "/login/oauth/callback", headers, body);
        const address = new URL(answer.headers.get("location"));
        address.searchParams.delete("state");
        for (const [name, value] of Object.entries(values)) address.searchParams.set(name, value);
        return address.href;
    }

    async #authorize(url, headers) {
        const challenge = url.searchParams.get("code_challenge");
        if (challenge) {
            if (url.searchParams.get("code_challenge_method") !== "S256") return reply(400, "only S256");
            this.#challenges.set(url.searchParams.get("state"), challenge);
        }
        const query = new URLSearchParams(url.searchParams);
        // GitHub takes the first address of the App where none is named; emulate has no default.
        if (!query.get("redirect_uri")) query.set("redirect_uri", this.#world.app.callback_urls[0]);
        return this.#emulate.pass("GET", `${url.pathname}?${query}`, headers);
    }

    async #signIn(headers, body) {
        const answer = await this.#emulate.pass("POST", "/login/oauth/callback", headers, body);
        const address = new URL(answer.headers.get("location"));
        const [code, state] = [address.searchParams.get("code"), address.searchParams.get("state")];
        if (this.#challenges.has(state)) this.#challenges.set(code, this.#challenges.get(state));
        return answer;
    }

    /** emulate knows nothing of PKCE: the verifier is checked before the code is spent. */
    async #exchange(headers, body) {
        const isJson = headers["content-type"]?.includes("json");
        const form = isJson ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body.toString()));
        const challenge = this.#challenges.get(form.code);
        const verifier = createHash("sha256").update(form.code_verifier ?? "").digest("base64url");
        if (challenge && challenge !== verifier) {
            return reply(200, { error: "bad_verification_code", error_description: "The verifier is not the one." });
        }
        const answer = await this.#emulate.pass("POST", "/login/oauth/access_token", headers, body);
        const result = await answer.json();
        if (result.access_token) this.people.add(result.access_token);
        return reply(answer.status, result);
    }

    /** The tokens of people, as they were issued: emulate takes one it does not know for its first user's. */
    people = new Set();
}

function escape(text) {
    return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
