// Webhooks: those emulate signs are passed on byte by byte, those it does not know are made from the published
// examples and signed here.

import { createHmac, randomUUID } from "node:crypto";

import { complete, exampleEvent } from "./published.mjs";

const REQUEST_LIMIT_MS = 20_000;

export class Hooks {
    #world;
    #installations;
    #last = Promise.resolve();
    /** Where webhooks go; nowhere before it is known. */
    url = "";
    /** What was sent, and how it was answered. */
    sent = [];

    constructor(world, installations) {
        this.#world = world;
        this.#installations = installations;
    }

    /** Says what has become of an installation. */
    async installation(action, installation, requester = null) {
        const has = ["installation", ...(requester ? ["requester"] : [])];
        const event = exampleEvent("installation", action, has);
        const repositories = await this.#installations.repositories(installation);
        await this.#make("installation", event, installation, {
            ...("repositories" in event ? { repositories: repositories.map(brief) } : {}),
            ...(requester ? { requester: complete(event.requester, requester) } : {}),
        });
    }

    /** Says which repositories an installation was given or lost. */
    async repositories(action, installation, repositories) {
        const event = exampleEvent("installation_repositories", action, ["installation"]);
        const changed = action === "added" ? "repositories_added" : "repositories_removed";
        const selection = installation.names ? "selected" : "all";
        await this.#make("installation_repositories", event, installation, {
            repository_selection: selection,
            repositories_added: [],
            repositories_removed: [],
            [changed]: repositories.map(brief),
        });
    }

    /** Passes on what emulate sends, if it is for an installation that hears of it. */
    relay(headers, body) {
        const event = JSON.parse(body);
        const installation = this.#installations.get(event.installation?.id);
        if (!installation || installation.suspended_at) return undefined;
        return this.#send(headers["x-github-event"], event.action, body, headers["x-hub-signature-256"]);
    }

    async #make(name, event, installation, values) {
        const shown = await this.#installations.show(installation);
        const sender = complete(event.sender, await this.#installations.account(installation.account));
        const whole = { ...event, ...values, installation: complete(event.installation, shown), sender };
        const body = Buffer.from(JSON.stringify(whole));
        const signature = createHmac("sha256", this.#world.app.webhook_secret).update(body).digest("hex");
        await this.#send(name, event.action, body, `sha256=${signature}`);
    }

    /** Sends one after the other. Ids are made here: emulate's are the time, and two webhooks can have the same. */
    #send(event, action, body, signature) {
        const send = async () => {
            const delivery = { id: randomUUID(), event, action, status: 0 };
            this.sent.push(delivery);
            const reply = await fetch(this.url, {
                method: "POST",
                headers: {
                    "content-type": "application/json",
                    "user-agent": "GitHub-Hookshot/front",
                    "x-github-delivery": delivery.id,
                    "x-github-event": event,
                    "x-github-hook-id": "1",
                    "x-github-hook-installation-target-id": String(this.#world.app.id),
                    "x-github-hook-installation-target-type": "integration",
                    "x-hub-signature-256": signature,
                },
                body,
                signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
            });
            delivery.status = reply.status;
        };
        if (!this.url) return this.#last;
        this.#last = this.#last.then(send, send).catch((error) => console.error(`webhook ${event}: ${error}`));
        return this.#last;
    }
}

function brief({ id, node_id, name, full_name, private: isPrivate }) {
    return { id, node_id, name, full_name, private: isPrivate };
}
