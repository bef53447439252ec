// What GitHub publishes: the description of its API, and examples of its webhooks. Shapes of replies and events are
// taken from here at run time; only values are ours.

import { readFileSync } from "node:fs";
import { join } from "node:path";

// Where the packages of package.json are installed, which is not beside this file.
const packages = process.env.POLITY_TEST_NODE_MODULES;

export const module = (path) => join(packages, path);

const read = (path) => JSON.parse(readFileSync(module(path), "utf8"));

const api = read("@octokit/openapi/generated/api.github.com.json");
const webhooks = read("@octokit/webhooks-examples/api.github.com/index.json");

/** The example of a reply in the description. */
export function exampleReply(method, path, status = "200") {
    const { examples } = api.paths[path][method].responses[status].content["application/json"];
    const [example] = Object.values(examples);
    const found = example.$ref ? api.components.examples[example.$ref.split("/").pop()] : example;
    return structuredClone(found.value);
}

/** The example of an event with what it must have, such as an installation. */
export function exampleEvent(name, action, has = []) {
    const examples = webhooks.find((event) => event.name === name).examples;
    const fits = (example) => example.action === action && has.every((key) => key in example);
    return structuredClone(examples.find(fits));
}

/** An object with the keys of an example, and its own values wherever it has some. */
export function complete(example, actual) {
    if (!isObject(example) || !isObject(actual)) return actual;
    const values = Object.entries(actual).map(([key, value]) => [key, complete(example[key], value)]);
    return { ...example, ...Object.fromEntries(values) };
}

function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
