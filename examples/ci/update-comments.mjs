// Writes each plan of a folder as a comment on the pull request (GitHub) or merge request (GitLab) of this job, and
// updates the same comment in later runs. It needs Node.js 20 or later and no package.
//
//     node ci/update-comments.mjs <folder>
//
// The folder has <stack>.md for each site, and <stack>.unchanged if its plan is empty: then no comment is created, but an
// earlier one is updated.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Both list at most so many comments at once. */
const PAGE_SIZE = 100;

/** @param {string} name @returns {string} */
function required(name) {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: run this in a job of a pull request`);
    return value;
}

/** Finds the comment of a site among those of this job's own account; it is not visible on the page. */
const marker = (stack) => `<!-- registry-passthrough plan: ${stack} -->`;

/** @returns {Promise<any>} the response's JSON. Requests are not repeated: a lost response could mean two comments. */
async function request(method, url, headers, body) {
    const response = await fetch(url, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    if (!response.ok) {
        const hint = [401, 403, 404].includes(response.status) ? "; check the token and its permissions" : "";
        throw new Error(`${method} ${url}: HTTP ${response.status} ${text.slice(0, 300)}${hint}`);
    }
    return JSON.parse(text);
}

/** @param {(page: number) => Promise<any[]>} list */
async function allPages(list) {
    const all = [];
    for (let page = 1; ; page += 1) {
        const found = await list(page);
        all.push(...found);
        if (found.length < PAGE_SIZE) return all;
    }
}

/** https://docs.github.com/en/rest/issues/comments */
function github() {
    const api = `${required("GITHUB_API_URL")}/repos/${required("GITHUB_REPOSITORY")}/issues`;
    const number = required("PULL_REQUEST");
    const headers = {
        authorization: `Bearer ${required("GITHUB_TOKEN")}`,
        accept: "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
    };
    return {
        // With the job's token the author is a bot. Comments of people are never changed, whatever is in them.
        own: async () => {
            const list = (page) =>
                request("GET", `${api}/${number}/comments?per_page=${PAGE_SIZE}&page=${page}`, headers);
            return (await allPages(list)).filter(({ user }) => user?.type === "Bot");
        },
        create: (body) => request("POST", `${api}/${number}/comments`, headers, { body }),
        update: (id, body) => request("PATCH", `${api}/comments/${id}`, headers, { body }),
    };
}

/** https://docs.gitlab.com/api/notes/ */
function gitlab() {
    const api = required("CI_API_V4_URL");
    const mergeRequest = `${api}/projects/${required("CI_PROJECT_ID")}/merge_requests/${required("CI_MERGE_REQUEST_IID")}`;
    const headers = { "private-token": required("PASSTHROUGH_COMMENT_TOKEN") };
    return {
        own: async () => {
            const { id } = await request("GET", `${api}/user`, headers);
            const list = (page) => request("GET", `${mergeRequest}/notes?per_page=${PAGE_SIZE}&page=${page}`, headers);
            return (await allPages(list)).filter(({ author, system }) => author?.id === id && system !== true);
        },
        create: (body) => request("POST", `${mergeRequest}/notes`, headers, { body }),
        update: (id, body) => request("PUT", `${mergeRequest}/notes/${id}`, headers, { body }),
    };
}

async function main([folder]) {
    if (folder === undefined) throw new Error("usage: update-comments.mjs <folder>");
    const platform = process.env.GITLAB_CI ? gitlab() : github();
    const comments = await platform.own();
    const names = readdirSync(folder).filter((name) => name.endsWith(".md"));
    for (const stack of names.map((name) => name.slice(0, -".md".length)).sort()) {
        const body = `${marker(stack)}\n${readFileSync(join(folder, `${stack}.md`), "utf8").trimEnd()}`;
        const earlier = comments.find((comment) => comment.body.startsWith(marker(stack)));
        if (earlier === undefined && existsSync(join(folder, `${stack}.unchanged`))) {
            console.log(`${stack}: nothing changes, no comment`);
        } else if (earlier === undefined) {
            await platform.create(body);
            console.log(`${stack}: comment created`);
        } else {
            if (earlier.body !== body) await platform.update(earlier.id, body);
            console.log(`${stack}: comment ${earlier.body === body ? "is up to date" : "updated"}`);
        }
    }
}

await main(process.argv.slice(2)).catch((error) => {
    console.error(`update-comments: ${error.message}`);
    process.exitCode = 1;
});
