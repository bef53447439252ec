// `emulate` in this process: what it is seeded with, and requests to it.

import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:net";
import { pathToFileURL } from "node:url";

import { slots } from "./installations.mjs";
import { module } from "./published.mjs";

const { createEmulator } = await import(pathToFileURL(module("emulate/dist/api.js")));

/** Somebody who may see every repository; known to this process only. */
const operator = (login) => `operator_of_${login}`;

export async function startEmulate(world) {
    const privateKey = newKey();
    const { app, users, orgs, repos } = world;
    const accounts = [...users, ...orgs].map(({ login }) => login);
    const members = (login) => orgs.find((org) => org.login === login)?.members ?? [{ login }];
    const tokens = accounts.map((login) => [operator(login), { login: members(login)[0].login, scopes: ["repo"] }]);
    const port = await freePort();
    await createEmulator({
        service: "github",
        port,
        baseUrl: world.url,
        seed: {
            tokens: Object.fromEntries(tokens),
            github: {
                users,
                orgs,
                repos,
                oauth_apps: [
                    {
                        client_id: app.client_id,
                        client_secret: app.client_secret,
                        name: app.name,
                        redirect_uris: app.callback_urls,
                    },
                ],
                apps: [
                    {
                        app_id: app.id,
                        slug: app.slug,
                        name: app.name,
                        private_key: privateKey,
                        permissions: app.permissions,
                        events: app.events,
                        webhook_url: `${world.url}/_front/relay`,
                        webhook_secret: app.webhook_secret,
                        installations: slots(world),
                    },
                ],
            },
        },
    });
    return new Emulate(`http://127.0.0.1:${port}`, app.id, privateKey);
}

export class Emulate {
    #url;
    #appId;

    constructor(url, appId, privateKey) {
        this.#url = url;
        this.#appId = appId;
        this.privateKey = privateKey;
    }

    /** A request, passed on as it is. */
    async pass(method, path, headers = {}, body = undefined) {
        const { authorization, accept, "content-type": type, cookie } = headers;
        const passed = Object.entries({ authorization, accept, "content-type": type, cookie });
        return fetch(this.#url + path, {
            method,
            headers: Object.fromEntries(passed.filter(([, value]) => value)),
            body: body?.length ? body : undefined,
            redirect: "manual",
        });
    }

    /** A request that must succeed. */
    async json(method, path, authorization) {
        const reply = await this.pass(method, path, { authorization });
        if (!reply.ok) throw new Error(`emulate answers ${method} ${path} with ${reply.status}`);
        return reply.json();
    }

    asApp(method, path) {
        return this.json(method, path, `Bearer ${this.#jwt()}`);
    }

    /** Every repository of an account, by their ids. */
    async repositories(account) {
        const found = [];
        for (let page = 1; ; page += 1) {
            const path = `/search/repositories?q=user:${account}&per_page=100&page=${page}`;
            const { items, total_count } = await this.json("GET", path, `Bearer ${operator(account)}`);
            found.push(...items);
            if (found.length >= total_count || !items.length) break;
        }
        return found.sort((a, b) => a.id - b.id);
    }

    #jwt() {
        const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
        const now = Math.floor(Date.now() / 1000);
        const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ iss: this.#appId, iat: now, exp: now + 60 })}`;
        return `${text}.${createSign("RSA-SHA256").update(text).sign(this.privateKey, "base64url")}`;
    }
}

/** A key as GitHub makes one. emulate would, too, but after it was told its port, which others could take meanwhile. */
function newKey() {
    const options = {
        modulusLength: 2048,
        privateKeyEncoding: { type: "pkcs1", format: "pem" },
        publicKeyEncoding: { type: "spki", format: "pem" },
    };
    return generateKeyPairSync("rsa", options).privateKey;
}

/** A port for emulate, which does not say which one it was given. */
function freePort() {
    return new Promise((resolve, reject) => {
        const server = createServer().once("error", reject);
        server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}
