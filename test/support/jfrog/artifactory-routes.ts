import {
    type Call,
    type Reply,
    type Route,
    artifactoryFault,
    fields,
    requireAdmin,
    requireLogin,
    requirePro,
} from "./exchange";
import type { FakeRepository } from "./model";

const ROOT = "/artifactory/api";
const KEY = "([^/]+)";

export const ARTIFACTORY_ROUTES: readonly Route[] = [
    ["GET", pattern("/system/ping"), () => ({ status: 200, text: "OK" }), "system-health-ping"],
    ["GET", pattern("/v1/system/readiness"), readiness, "readiness-probe"],
    ["GET", pattern("/system/version"), version, "version-and-add-ons-information"],
    ["GET", pattern("/system/license"), license, "license-information"],
    ["GET", pattern("/repositories"), listRepositories, "get-repositories"],
    ["GET", pattern(`/repositories/${KEY}`), getRepository, "repository-configuration"],
    ["PUT", pattern(`/repositories/${KEY}`), createRepository, "create-repository"],
    ["POST", pattern(`/repositories/${KEY}`), updateRepository, "update-repository-configuration"],
    ["DELETE", pattern(`/repositories/${KEY}`), deleteRepository, "delete-repository"],
    ["GET", pattern(`/storage/${KEY}/`), storage, "folder-info, file-list"],
];

function pattern(path: string): RegExp {
    return new RegExp(`^${ROOT}${path}$`);
}

function readiness({ platform }: Call): Reply {
    return platform.isReady ? { status: 200, json: { code: "OK" } } : { status: 503, json: { code: "NOT_READY" } };
}

/** "Requires a valid user (can be anonymous)". */
function version(call: Call): Reply {
    const { platform, principal } = call;
    if (principal.kind === "anonymous") requireLogin(call);
    const isGroup = principal.kind === "token" && principal.token.scope.startsWith("applied-permissions/groups:");
    if (isGroup && !platform.open.groupReadsVersion) throw artifactoryFault(403, "Forbidden");
    return { status: 200, json: { version: platform.version, revision: "79000900", addons: ["rest", "docker"] } };
}

function license(call: Call): Reply {
    requireAdmin(call);
    requirePro(call);
    return { status: 200, json: { type: "Commercial", validThrough: "May 15, 2031", licensedTo: "Example" } };
}

function listRepositories(call: Call): Reply {
    requireLogin(call);
    const { platform, principal } = call;
    // "Requires a privileged user": everybody sees what they may read.
    const seen = [...platform.repositories.values()].filter(({ key }) => platform.may(principal, key, "READ"));
    const json = seen.map(({ key, rclass, packageType, settings }) => ({
        key,
        type: rclass.toUpperCase(),
        description: settings.description,
        url: `http://localhost:8081/artifactory/${key}`,
        packageType: `${packageType.slice(0, 1).toUpperCase()}${packageType.slice(1)}`,
    }));
    return { status: 200, json };
}

function found(call: Call): FakeRepository {
    requireAdmin(call);
    requirePro(call);
    const repository = call.platform.repositories.get(call.params[0] ?? "");
    if (repository !== undefined) return repository;
    const { missingRepository: status } = call.platform.open;
    throw artifactoryFault(status, status === 400 ? "Bad Request" : "Not Found");
}

function getRepository(call: Call): Reply {
    const { key, rclass, packageType, settings } = found(call);
    return { status: 200, json: { key, rclass, packageType, repoLayoutRef: "simple-default", ...settings } };
}

/** repository-configuration-json, Docker local. */
const SETTINGS = [
    "description",
    "dockerApiVersion",
    "maxUniqueTags",
    "dockerTagRetention",
    "blackedOut",
    "includesPattern",
    "excludesPattern",
];

function createRepository(call: Call): Reply {
    requireAdmin(call);
    requirePro(call);
    const [key = ""] = call.params;
    const { key: _key, rclass, packageType, ...settings } = fields(call, ["key", "rclass", "packageType", ...SETTINGS]);
    if ([...call.platform.repositories.keys()].some((one) => one.toLowerCase() === key.toLowerCase())) {
        throw artifactoryFault(400, `Case insensitive repository key already exists\n`);
    }
    // repository-naming-rules-and-limitations.
    if (!/^[a-z0-9.-]{1,63}$/.test(key) || key.endsWith("-cache"))
        throw artifactoryFault(400, "Invalid repository key");
    call.platform.repositories.set(key, { key, rclass: String(rclass), packageType: String(packageType), settings });
    return { status: 200, text: `Successfully created repository '${key}' \n` };
}

function updateRepository(call: Call): Reply {
    const repository = found(call);
    repository.settings = { ...repository.settings, ...fields(call, SETTINGS) };
    return { status: 200, text: `Repository ${repository.key} update successfully.\n` };
}

/** With all its content. */
function deleteRepository(call: Call): Reply {
    const { key } = found(call);
    call.platform.repositories.delete(key);
    call.contents.remove(key);
    return { status: 200, text: `Repository ${key} and all its content have been removed successfully.\n` };
}

/** Images are folders with a manifest in it, by tag, or by digest where there is none. */
function storage(call: Call): Reply {
    requireLogin(call);
    const [key = ""] = call.params;
    if (!call.platform.repositories.has(key)) throw artifactoryFault(404, "Unable to find item");
    const files = call.contents.repositories(key).flatMap((repository) => {
        const name = repository.slice(key.length);
        const tagged = call.contents.tags(repository).map((tag) => `${name}/${tag}/manifest.json`);
        const untagged = call.contents
            .manifests(repository)
            .filter((digest) => call.contents.tagsOf(repository, digest).length === 0)
            .map((digest) => `${name}/${digest.replace(":", "__")}/manifest.json`);
        return [...tagged, ...untagged];
    });
    if (call.query.has("list")) {
        requirePro(call);
        if (call.query.get("deep") !== "1") call.strange("a list of files that is not deep");
        return { status: 200, json: { uri: key, files: files.map((uri) => ({ uri, size: 1, folder: false })) } };
    }
    const top = [...new Set(files.map((uri) => `/${uri.split("/")[1] ?? ""}`))];
    return { status: 200, json: { repo: key, path: "/", children: top.map((uri) => ({ uri, folder: true })) } };
}
