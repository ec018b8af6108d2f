import { type Reply, ScriptedServer, type Seen } from "./http-server";

export interface Comment {
    readonly id: number;
    body: string;
    /** Who wrote it: this job's own bot, or somebody else. */
    readonly isOwn: boolean;
}

const TOKEN = "canary-comment-token-7b1d";
/** GitHub: "body is too long (maximum is 65536 characters)"; GitLab: 1,000,000 (docs.gitlab.com/administration/instance_limits). */
const MAX_BODY = { github: 65_536, gitlab: 1_000_000 } as const;
const BOT_ID = 77;

/**
 * The comments of one pull request, number 12, as the platform's API serves them. Stands in for the platform alone, and
 * answers nothing but what its reference documents:
 *
 * - GitHub (docs.github.com/en/rest/issues/comments): list, create and update; 30 per page, at most 100, no more entries
 *   for larger values; 401 without the token; 403 without a User-Agent (docs.github.com/en/rest/using-the-rest-api/
 *   getting-started-with-the-rest-api, "User-Agent required"); 422 without a body.
 * - GitLab (docs.gitlab.com/api/notes, docs.gitlab.com/api/rest "Pagination", docs.gitlab.com/api/users "current user"):
 *   the same with 20 per page, `PRIVATE-TOKEN`, PUT for updates, and 400 without a body.
 */
export class CommentApi {
    readonly comments: Comment[] = [];
    readonly writes: string[] = [];
    private nextId = 1000;
    private server!: ScriptedServer;

    private constructor(private readonly platform: keyof typeof MAX_BODY) {}

    static async start(platform: keyof typeof MAX_BODY): Promise<CommentApi> {
        const api = new CommentApi(platform);
        api.server = await ScriptedServer.start((request) => api.reply(request));
        return api;
    }

    add(body: string, isOwn: boolean): Comment {
        const comment = { id: this.nextId++, body, isOwn };
        this.comments.push(comment);
        return comment;
    }

    /** What the platform sets in the environment of a job. */
    environment(): NodeJS.ProcessEnv {
        return this.platform === "github"
            ? { GITHUB_API_URL: this.server.origin, GITHUB_REPOSITORY: "org/sites", CI: "true" }
            : {
                  CI_API_V4_URL: `${this.server.origin}/api/v4`,
                  CI_PROJECT_ID: "5",
                  CI_MERGE_REQUEST_IID: "12",
                  GITLAB_CI: "true",
              };
    }

    get token(): string {
        return TOKEN;
    }

    stop(): Promise<void> {
        return this.server.stop();
    }

    private reply(request: Seen): Reply {
        const url = new URL(request.url, this.server.origin);
        const sent = this.platform === "github" ? request.authorization : request.headers["private-token"];
        if (sent !== (this.platform === "github" ? `Bearer ${TOKEN}` : TOKEN))
            return json(401, { message: "Bad credentials" });
        if (this.platform === "github" && request.headers["user-agent"] === undefined)
            return json(403, { message: "Request forbidden by administrative rules." });
        if (this.platform === "gitlab" && request.method === "GET" && url.pathname === "/api/v4/user")
            return json(200, { id: BOT_ID, username: "project_5_bot" });
        return this.route(request, url) ?? json(404, { message: "Not Found" });
    }

    private route(request: Seen, url: URL): Reply | undefined {
        const [list, one, update] =
            this.platform === "github"
                ? ["/repos/org/sites/issues/12/comments", "/repos/org/sites/issues/comments/", "PATCH"]
                : ["/api/v4/projects/5/merge_requests/12/notes", "/api/v4/projects/5/merge_requests/12/notes/", "PUT"];
        if (url.pathname === list && request.method === "GET") return this.page(url);
        if (url.pathname === list && request.method === "POST") {
            return this.write(request, "create", (body) => json(201, this.shown(this.add(body, true))));
        }
        const id = url.pathname.startsWith(one) ? Number(url.pathname.slice(one.length)) : undefined;
        const comment = this.comments.find((candidate) => candidate.id === id);
        if (comment === undefined || request.method !== update) return undefined;
        return this.write(request, `update ${comment.id}`, (body) => {
            comment.body = body;
            return json(200, this.shown(comment));
        });
    }

    private page(url: URL): Reply {
        const size = Math.min(Number(url.searchParams.get("per_page") ?? (this.platform === "github" ? 30 : 20)), 100);
        const page = Number(url.searchParams.get("page") ?? 1);
        return json(
            200,
            this.comments.slice((page - 1) * size, page * size).map((comment) => this.shown(comment)),
        );
    }

    private write(request: Seen, what: string, store: (body: string) => Reply): Reply {
        const { body } = JSON.parse(request.body.toString("utf8")) as { body?: unknown };
        const isValid = typeof body === "string" && body !== "" && body.length <= MAX_BODY[this.platform];
        if (!isValid || request.headers["content-type"] !== "application/json")
            return json(this.platform === "github" ? 422 : 400, { message: "Validation Failed" });
        this.writes.push(what);
        return store(body);
    }

    private shown({ id, body, isOwn }: Comment): object {
        return this.platform === "github"
            ? { id, body, user: { login: isOwn ? "github-actions[bot]" : "octocat", type: isOwn ? "Bot" : "User" } }
            : { id, body, system: false, author: { id: isOwn ? BOT_ID : 3 } };
    }
}

function json(status: number, document: unknown): Reply {
    return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(document) };
}
