// The installations of the App, as the account's settings page would show and change them.
//
// emulate knows only installations that were there from the start, so it is given a few for every account. Whether one
// of them exists, is suspended, and what it was given is decided here: emulate's part is to check tokens against it.

import { complete, exampleReply } from "./published.mjs";

const SLOTS = 3;
const FIRST = 40001;

/** What emulate is to have: every installation that may come to be. */
export function slots(world) {
    const accounts = [...world.users, ...world.orgs].map(({ login }) => login);
    return accounts.flatMap((account, nth) =>
        Array.from({ length: SLOTS }, (_, slot) => ({ installation_id: FIRST + nth * SLOTS + slot, account })),
    );
}

export class Installations {
    #world;
    #emulate;
    #slots;
    #installed = new Map();
    #requests = [];
    #tokens = new Map();

    constructor(world, emulate) {
        this.#world = world;
        this.#emulate = emulate;
        this.#slots = slots(world);
    }

    /** What a person is in an organization. */
    role(login, organization) {
        const org = this.#world.orgs.find((org) => org.login === organization);
        return org?.members.find((member) => member.login === login)?.role;
    }

    /** Whether a person may install on an account, or only ask for it. */
    administers(login, account) {
        return login === account || this.role(login, account) === "admin";
    }

    belongs(login, account) {
        return login === account || this.role(login, account) !== undefined;
    }

    /** Installs on an account; `names` are the repositories given, all unless there is a list. */
    install(account, names = null) {
        const old = this.ofAccount(account);
        if (old) {
            old.names = names;
            return old;
        }
        const slot = this.#slots.findIndex((slot) => slot.account === account);
        if (slot < 0) throw new Error(`${account} was installed on too often`);
        const [{ installation_id: id }] = this.#slots.splice(slot, 1);
        const installation = { id, account, names, suspended_at: null };
        this.#installed.set(id, installation);
        this.#requests = this.#requests.filter((request) => request.account.login !== account);
        return installation;
    }

    uninstall(id) {
        this.#installed.delete(id);
        for (const [token, owner] of this.#tokens) if (owner === id) this.#tokens.delete(token);
    }

    get(id) {
        return this.#installed.get(Number(id));
    }

    ofAccount(account) {
        return this.all().find((installation) => installation.account === account);
    }

    all() {
        return [...this.#installed.values()];
    }

    /** Remembers a token that emulate has issued for an installation. */
    issued(token, id) {
        this.#tokens.set(token, id);
    }

    /** The installation of a token that still works. */
    ofToken(token) {
        return this.get(this.#tokens.get(token));
    }

    tokens() {
        return [...this.#tokens.keys()];
    }

    revoke(token) {
        this.#tokens.delete(token);
    }

    /** A member asks the owners of an account to install. */
    async request(login, account) {
        const [example] = exampleReply("get", "/app/installation-requests");
        const [target, requester] = [await this.account(account), await this.account(login)];
        const request = {
            ...example,
            id: 1 + this.#requests.length,
            account: complete(example.account, target),
            requester: complete(example.requester, requester),
            created_at: new Date().toISOString(),
        };
        this.#requests.push(request);
        return request;
    }

    requests() {
        return this.#requests;
    }

    /** An account as emulate has it: a person or an organization. */
    async account(login) {
        const kind = this.#world.orgs.some((org) => org.login === login) ? "orgs" : "users";
        const found = await this.#emulate.json("GET", `/${kind}/${login}`);
        const { id, node_id, avatar_url, url, html_url } = found;
        return { login, id, node_id, avatar_url, url, html_url, type: kind === "orgs" ? "Organization" : "User" };
    }

    /** An installation as GitHub would show it. */
    async show({ id, account, names, suspended_at }) {
        const found = await this.#emulate.asApp("GET", `/app/installations/${id}`);
        const owner = await this.account(account);
        const example = exampleReply("get", "/app/installations/{installation_id}");
        const settings = owner.type === "Organization" ? `/organizations/${account}/settings` : "/settings";
        return complete(example, {
            ...found,
            account: { ...found.account, ...owner },
            target_id: owner.id,
            repository_selection: names ? "selected" : "all",
            html_url: `${this.#world.url}${settings}/installations/${id}`,
            suspended_at,
            suspended_by: suspended_at ? complete(example.account, owner) : null,
        });
    }

    /** The repositories an installation was given, by their ids. */
    async repositories(installation) {
        const [example] = exampleReply("get", "/installation/repositories").repositories;
        const found = await this.#emulate.repositories(installation.account);
        return found.filter((repository) => this.includes(installation, repository)).map((r) => complete(example, r));
    }

    includes(installation, repository) {
        const owner = repository.full_name.split("/")[0];
        return owner === installation.account && (installation.names?.includes(repository.name) ?? true);
    }
}
