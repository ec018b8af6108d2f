import type { Reply } from "../http-server";
import type { Organization, QuayModel } from "./model";
import { randomToken } from "./model";
import { json, registryError } from "./reply";
import { REPOSITORY_NAME } from "./repository-routes";
import type { QuaySetting } from "./site-routes";

/** What a JWT of Quay's says; it is believed until it expires, whatever became of the account. */
export interface Access {
    readonly subject: string;
    /** Repository -> actions. */
    readonly actions: ReadonlyMap<string, ReadonlySet<"push" | "pull">>;
    readonly expiresAt: number;
}

const LIFETIME_MS = 3600 * 1000;

/** `/v2/auth` of a fake Quay, and the tokens it gave (registry-apis, §2 and §4). */
export class Tokens {
    private readonly given = new Map<string, Access>();

    constructor(
        private readonly model: QuayModel,
        private readonly setting: () => QuaySetting,
    ) {}

    of(authorization: string | undefined): Access | undefined {
        const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
        const access = this.given.get(token ?? "");
        return access !== undefined && access.expiresAt > Date.now() ? access : undefined;
    }

    /** Answers GET /v2/auth. */
    answer(authorization: string | undefined, scopes: readonly string[], challenge: Reply["headers"]): Reply {
        const who = this.account(authorization);
        if ("problem" in who) return registryError(401, "UNAUTHORIZED", who.problem, challenge);
        const actions = new Map<string, Set<"push" | "pull">>();
        for (const scope of scopes) {
            const parsed = /^repository:(.+):((?:pull|push|\*)(?:,(?:pull|push|\*))*)$/.exec(scope);
            if (parsed === null) {
                const message = `Unable to decode repository and actions: ${scope}`;
                return registryError(400, "INVALID_REQUEST", message);
            }
            const [, name = "", asked = ""] = parsed;
            const granted = this.grant(who.subject, name, asked.split(","));
            if ("status" in granted) return granted;
            actions.set(name, granted);
        }
        const token = randomToken(80);
        this.given.set(token, { subject: who.subject, actions, expiresAt: Date.now() + LIFETIME_MS });
        return json(200, { token });
    }

    private account(authorization: string | undefined): { subject: string } | { problem: string } {
        const basic = /^Basic (\S+)$/i.exec(authorization ?? "")?.[1];
        if (basic === undefined) return { subject: "(anonymous)" };
        const text = Buffer.from(basic, "base64").toString("utf8");
        const [username, password] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
        // auth/credential_consts.py: an OAuth token logs in under this name, as the user who granted it.
        if (username === "$oauthtoken") {
            const grant = this.model.grants.get(password);
            return grant === undefined ? { problem: "Invalid token" } : { subject: grant.username };
        }
        if (!username.includes("+")) {
            const isKnown = this.model.users.get(username)?.password === password;
            return isKnown ? { subject: username } : { problem: "Specified credentials are invalid" };
        }
        const robot = this.model.robot(username);
        if (robot === undefined) return { problem: "Could not find robot with specified username" };
        if (robot.token === password) return { subject: username };
        return { problem: `Could not find robot with username: ${username} and supplied password.` };
    }

    private grant(subject: string, name: string, asked: readonly string[]): Set<"push" | "pull"> | Reply {
        const [namespace = "", ...rest] = name.split("/");
        const path = rest.join("/");
        if (!REPOSITORY_NAME.test(path)) return registryError(400, "NAME_INVALID", `Invalid repository name: ${name}`);
        if (path.includes("/") && !this.setting().nestedNames) {
            return registryError(400, "NAME_INVALID", "Nested repositories are not supported");
        }
        const wantsPush = asked.some((action) => action !== "pull");
        const organization = this.organization(subject, namespace, wantsPush);
        if (organization === undefined) return new Set();
        if ("status" in organization) return organization;
        let repository = organization.repositories.get(path);
        if (repository === undefined && wantsPush && this.model.mayCreate(subject, organization)) {
            repository = this.model.addRepository(organization, path, subject);
        }
        if (repository === undefined) return new Set();
        const role = this.model.owns(subject, organization) ? "admin" : repository.users.get(subject);
        const may = new Set<"push" | "pull">();
        if (role !== undefined || repository.isPublic) may.add("pull");
        // A state other than NORMAL silently takes push away.
        if (role !== undefined && role !== "read" && wantsPush && repository.state === "NORMAL") may.add("push");
        return may;
    }

    private organization(subject: string, namespace: string, wantsPush: boolean): Organization | Reply | undefined {
        const known = this.model.organizations.get(namespace);
        if (known !== undefined || !wantsPush || !this.setting().createNamespaceOnPush) return known;
        if (subject.includes("+")) return registryError(405, "UNSUPPORTED", "Cannot create organization");
        return this.model.users.has(subject) ? this.model.addOrganization(namespace, subject) : undefined;
    }
}
