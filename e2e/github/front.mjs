// A GitHub for the end-to-end tests: `emulate`, and in front of it what that lacks.
//
// `node front.mjs world.json` prints a line with its address and the private key of the App, and ends with its standard
// input. The REST API is below /api/v3, as on an Enterprise Server. What tests do that no API does, such as the click
// of an owner who approves, is below /_front.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { Api } from "./api.mjs";
import { startEmulate } from "./emulate.mjs";
import { Hooks } from "./hooks.mjs";
import { Installations } from "./installations.mjs";
import { refusal, reply } from "./reply.mjs";
import { Web } from "./web.mjs";

const API = "/api/v3";

const world = JSON.parse(readFileSync(process.argv[2], "utf8"));
const server = createServer(serve);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
world.url = `http://127.0.0.1:${server.address().port}`;
world.apiUrl = world.url + API;

const emulate = await startEmulate(world);
const installations = new Installations(world, emulate);
const hooks = new Hooks(world, installations);
const web = new Web(world, emulate, installations, hooks);
const api = new Api(world, emulate, installations, hooks, web.people);

process.stdin.resume().on("end", () => process.exit(0));
console.log(JSON.stringify({ url: world.url, api_url: world.apiUrl, private_key: emulate.privateKey }));

async function serve(incoming, outgoing) {
    try {
        const chunks = await collected(incoming);
        const url = new URL(incoming.url, world.url);
        const request = { method: incoming.method, url, headers: incoming.headers, body: Buffer.concat(chunks) };
        await write(outgoing, await answer(request));
    } catch (error) {
        console.error(`${incoming.method} ${incoming.url.split("?")[0]}: ${error.stack}`);
        await write(outgoing, refusal(500, "the front failed"));
    }
}

async function answer(request) {
    const { url } = request;
    if (url.pathname.startsWith("/_front/")) return control(request);
    if (url.pathname.startsWith(`${API}/`)) {
        const inner = new URL(url);
        inner.pathname = url.pathname.slice(API.length);
        return api.answer({ ...request, url: inner });
    }
    return (await web.answer(request)) ?? refusal(404, "Not Found");
}

/** What tests do to this GitHub. */
async function control({ method, url, headers, body }) {
    const [, , what, id, action] = url.pathname.split("/");
    if (what === "relay") {
        await hooks.relay(headers, body);
        return reply(204, "");
    }
    const told = body.length ? JSON.parse(body) : {};
    switch (`${method} ${what}`) {
        case "PUT hook":
            hooks.url = told.url;
            return reply(204, "");
        case "GET hook":
            return reply(200, hooks.sent);
        case "GET answers":
            return reply(200, api.answers);
        case "GET tokens":
            return reply(200, [...web.people, ...installations.tokens()]);
        case "POST approve": {
            const requester = installations.requests().find((request) => request.account.login === told.account)?.requester;
            return reply(200, { location: await web.install(told.login, told.account, null, "", requester) });
        }
        case "POST installations": {
            const installation = installations.get(id);
            if (["suspend", "unsuspend", "uninstall"].includes(action)) return api[action](installation);
            return give(installation, told.repositories);
        }
        default:
            return refusal(404, "Not Found");
    }
}

/** Gives an installation these repositories, by their names. */
async function give(installation, names) {
    const before = await installations.repositories(installation);
    installation.names = names;
    const after = await installations.repositories(installation);
    const missing = (some, others) => some.filter(({ id }) => !others.some((other) => other.id === id));
    const [added, removed] = [missing(after, before), missing(before, after)];
    if (added.length) await hooks.repositories("added", installation, added);
    if (removed.length) await hooks.repositories("removed", installation, removed);
    return reply(204, "");
}

async function collected(incoming) {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    return chunks;
}

async function write(outgoing, answer) {
    if (answer instanceof Response) {
        const headers = [...answer.headers].filter(([name]) => !["content-encoding", "content-length"].includes(name));
        outgoing.writeHead(answer.status, Object.fromEntries(headers));
        outgoing.end(Buffer.from(await answer.arrayBuffer()));
        return;
    }
    const isText = typeof answer.body === "string";
    const type = isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
    outgoing.writeHead(answer.status, { "content-type": type, ...answer.headers });
    outgoing.end(isText ? answer.body : JSON.stringify(answer.body));
}
