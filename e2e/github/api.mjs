// The REST API. What emulate has is passed on to it, after a look at the token and the installation; the rest is
// answered here, in the shapes of the published description.

import { createHash } from "node:crypto";

import { complete, exampleReply } from "./published.mjs";
import { paged, refusal, reply } from "./reply.mjs";

/** GitHub refuses a token of the App that is to live longer. */
const LONGEST_JWT_S = 10 * 60 + 60;

export class Api {
    #world;
    #emulate;
    #installations;
    #hooks;
    #people;
    /** What was answered in the name of GitHub, with the path of the description it belongs to. */
    answers = [];

    constructor(world, emulate, installations, hooks, people) {
        this.#world = world;
        this.#emulate = emulate;
        this.#installations = installations;
        this.#hooks = hooks;
        this.#people = people;
    }

    async answer(request) {
        const [template, answer] = await this.#route(request);
        if (answer instanceof Response) return this.#conditional(request, await unpacked(answer));
        if (template) this.answers.push({ method: request.method, path: template, ...answer });
        return this.#conditional(request, answer);
    }

    async #route(request) {
        const { method, url, headers } = request;
        const token = (headers.authorization ?? "").replace(/^(bearer|token)\s+/i, "");
        const path = url.pathname;
        const parts = path.split("/").slice(1);
        if (parts[0] === "app") return this.#asApp(request, token, parts);
        if (path === "/installation/repositories") return [path, await this.#repositories(url, token)];
        if (method === "DELETE" && path === "/installation/token") {
            this.#installations.revoke(token);
            return [path, reply(204, "")];
        }
        if (this.#people.has(token)) {
            if (path === "/user/installations") return [path, await this.#ofPerson(request)];
            if (path === "/user/emails") return [path, await this.#emails(request)];
            const organization = /^\/user\/memberships\/orgs\/([^/]+)$/.exec(path);
            if (organization) return ["/user/memberships/orgs/{org}", await this.#membership(request, organization[1])];
        } else if (!this.#world.tokens?.includes(token)) {
            const installation = this.#installations.ofToken(token);
            if (!installation) return [null, refusal(401, "Bad credentials")];
            if (installation.suspended_at) return [null, suspended()];
            if (!(await this.#mayRead(installation, parts))) return [null, refusal(404, "Not Found")];
        }
        return [null, await this.#pass(request)];
    }

    /** What a token of the App is needed for. */
    async #asApp(request, token, parts) {
        const { method, url } = request;
        const answer = await this.#emulate.pass("GET", "/app", request.headers);
        if (!answer.ok || livesTooLong(token)) return [null, refusal(401, "A JSON web token could not be decoded")];
        const [, what, id, more] = parts;
        const base = "/app/installations/{installation_id}";
        if (!what) return ["/app", await this.#app(await answer.json())];
        if (what === "hook") return ["/app/hook/config", this.#hookConfig()];
        if (what === "installation-requests") {
            return ["/app/installation-requests", paged(this.#world, url, this.#installations.requests())];
        }
        if (what === "installations" && !id) {
            const all = await Promise.all(this.#installations.all().map((one) => this.#installations.show(one)));
            return ["/app/installations", paged(this.#world, url, all)];
        }
        const installation = this.#installations.get(id);
        const path = more === "suspended" ? `${base}/suspended` : more ? `${base}/access_tokens` : base;
        if (what !== "installations" || !installation) return [path, refusal(404, "Not Found")];
        if (method === "GET" && !more) return [path, reply(200, await this.#installations.show(installation))];
        if (method === "POST" && more === "access_tokens") return [path, await this.#token(request, installation)];
        if (method === "PUT" && more === "suspended") return [path, await this.suspend(installation)];
        if (method === "DELETE" && more === "suspended") return [path, await this.unsuspend(installation)];
        if (method === "DELETE" && !more) return [path, await this.uninstall(installation)];
        return [null, refusal(404, "Not Found")];
    }

    async #app(found) {
        const owner = await this.#installations.account(this.#world.users[0].login);
        return reply(200, complete(exampleReply("get", "/app"), { ...found, owner, client_id: this.#world.app.client_id }));
    }

    #hookConfig() {
        const example = exampleReply("get", "/app/hook/config");
        return reply(200, { ...example, content_type: "json", insecure_ssl: "0", secret: "********", url: this.#hooks.url });
    }

    /** A token by emulate, for what the account has given. */
    async #token(request, installation) {
        if (installation.suspended_at) return suspended();
        const wanted = request.body.length ? JSON.parse(request.body) : {};
        if (installation.names && !wanted.repositories && !wanted.repository_ids) {
            wanted.repositories = installation.names;
        }
        const given = await this.#installations.repositories(installation);
        const foreign =
            wanted.repositories?.some((name) => !given.some((repository) => repository.name === name)) ||
            wanted.repository_ids?.some((id) => !given.some((repository) => repository.id === id));
        if (foreign) return refusal(422, "There is at least one repository that does not exist or is not accessible.");
        const headers = { ...request.headers, "content-type": "application/json" };
        const answer = await this.#emulate.pass("POST", request.url.pathname, headers, JSON.stringify(wanted));
        const result = await answer.json();
        if (!answer.ok) return reply(answer.status, result);
        this.#installations.issued(result.token, installation.id);
        const repositories = result.repositories?.map(({ id }) => given.find((repository) => repository.id === id));
        return reply(201, { ...result, ...(repositories ? { repositories } : {}) });
    }

    async #repositories(url, token) {
        const installation = this.#installations.ofToken(token);
        if (!installation) return refusal(401, "Bad credentials");
        if (installation.suspended_at) return suspended();
        const all = await this.#installations.repositories(installation);
        return paged(this.#world, url, all, (repositories, total_count) => ({ total_count, repositories }));
    }

    /** The installations a person can reach. */
    async #ofPerson({ url, headers }) {
        const { login } = await this.#emulate.json("GET", "/user", headers.authorization);
        const reached = this.#installations.all().filter(({ account }) => this.#installations.belongs(login, account));
        const shown = await Promise.all(reached.map((one) => this.#installations.show(one)));
        return paged(this.#world, url, shown, (installations, total_count) => ({ total_count, installations }));
    }

    /** The addresses of a person: emulate knows of one, and takes it for verified. */
    async #emails({ url, headers }) {
        const { login } = await this.#emulate.json("GET", "/user", headers.authorization);
        const { email, email_verified: verified = true } = this.#world.users.find((user) => user.login === login);
        const [example] = exampleReply("get", "/user/emails");
        return paged(this.#world, url, [{ ...example, email, primary: true, verified }]);
    }

    /** What a person is in an organization, if the App may know. */
    async #membership({ headers }, organization) {
        if (!this.#world.app.permissions.members) return refusal(403, "Resource not accessible by integration");
        const { login } = await this.#emulate.json("GET", "/user", headers.authorization);
        const role = this.#installations.role(login, organization);
        if (!role) return refusal(404, "Not Found");
        const example = exampleReply("get", "/user/memberships/orgs/{org}");
        const [org, user] = [await this.#installations.account(organization), await this.#installations.account(login)];
        return reply(200, {
            ...example,
            role,
            state: "active",
            organization: complete(example.organization, org),
            user: complete(example.user, user),
        });
    }

    /** Whether a token of an installation may see what a path is about, as far as that is a repository. */
    async #mayRead(installation, [kind, ...rest]) {
        if (!installation.names || !["repos", "repositories"].includes(kind)) return true;
        const given = await this.#installations.repositories(installation);
        const named = kind === "repos" ? rest.slice(0, 2).join("/") : Number(rest[0]);
        return given.some(({ id, full_name }) => named === id || named === full_name);
    }

    #pass({ method, url, headers, body }) {
        return this.#emulate.pass(method, url.pathname + url.search, headers, body);
    }

    async suspend(installation) {
        installation.suspended_at = new Date().toISOString();
        await this.#hooks.installation("suspend", installation);
        return reply(204, "");
    }

    async unsuspend(installation) {
        installation.suspended_at = null;
        await this.#hooks.installation("unsuspend", installation);
        return reply(204, "");
    }

    async uninstall(installation) {
        // While it can still be shown.
        const said = this.#hooks.installation("deleted", installation);
        this.#installations.uninstall(installation.id);
        await said;
        return reply(204, "");
    }

    /** Replies to what was read have a tag; asked with the same, the reply is empty. */
    #conditional({ method, headers }, answer) {
        if (method !== "GET" || answer.status !== 200) return answer;
        const digest = createHash("sha256").update(JSON.stringify(answer.body)).digest("hex");
        const tagged = { ...answer, headers: { ...answer.headers, etag: `W/"${digest}"` } };
        if (headers["if-none-match"] !== tagged.headers.etag) return tagged;
        return { status: 304, body: "", headers: tagged.headers };
    }
}

/** A Response of emulate's as a value. */
async function unpacked(answer) {
    const passed = [...answer.headers].filter(([name]) => name === "link" || name.startsWith("x-ratelimit-"));
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json");
    return reply(answer.status, isJson && text ? JSON.parse(text) : text, Object.fromEntries(passed));
}

function suspended() {
    return refusal(403, "This installation has been suspended");
}

function livesTooLong(token) {
    const { iat, exp } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    return !(exp - iat <= LONGEST_JWT_S);
}
