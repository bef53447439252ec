// Replies, made as values: what is not a Response of emulate's is one of these.

export function reply(status, body, headers = {}) {
    return { status, body, headers };
}

export function redirect(address) {
    return reply(302, "", { location: address });
}

/** A refusal as GitHub words it. */
export function refusal(status, message) {
    return reply(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });
}

/** A part of a list, with the links of GitHub's paging. `wrap` makes the body of the items. */
export function paged(world, url, items, wrap = (page) => page) {
    const number = (name, otherwise) => Number(url.searchParams.get(name) ?? otherwise);
    const [size, page] = [Math.min(number("per_page", 30), 100), number("page", 1)];
    const last = Math.max(1, Math.ceil(items.length / size));
    const link = (to, rel) => {
        const query = new URLSearchParams({ ...Object.fromEntries(url.searchParams), page: to });
        return `<${world.apiUrl}${url.pathname}?${query}>; rel="${rel}"`;
    };
    const links = [
        ...(page > 1 ? [link(page - 1, "prev"), link(1, "first")] : []),
        ...(page < last ? [link(page + 1, "next"), link(last, "last")] : []),
    ];
    const body = wrap(items.slice((page - 1) * size, page * size), items.length);
    return reply(200, body, links.length ? { link: links.join(", ") } : {});
}
