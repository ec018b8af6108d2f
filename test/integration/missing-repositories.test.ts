import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testAuthority } from "../support/certificates";
import { CommandSite } from "../support/command-site";
import { isUploadPost, registryError } from "../support/faults/fault";
import { FaultProxy } from "../support/faults/fault-proxy";

jest.setTimeout(120_000);

/* A registry as ECR: a push to a repository that nobody created is rejected, and requests about it get NAME_UNKNOWN. */

const REPOSITORIES = [
    "mirror/docker.io/library/nginx",
    "mirror/quay.io/legacy/v2s2",
    "mirror/quay.io/multi/tool",
    "mirror/quay.io/team0/app0",
    "mirror/quay.io/team1/app1",
    "mirror/registry.redhat.io/team1/app1",
];
let site: CommandSite;
let proxy: FaultProxy;
let existing: Set<string>;

beforeAll(async () => {
    site = await CommandSite.create("with-mapping");
    const authority = await testAuthority();
    writeFileSync(join(site.folder, "proxy.crt"), authority.ca);
    proxy = await FaultProxy.start(
        site.registry.port,
        await authority.issue(),
        readFileSync(join(site.folder, "ca.crt"), "utf8"),
    );
    site.configure({ mirrorBase: `${proxy.host}/mirror`, ca: "proxy.crt" });
});
afterAll(async () => {
    await proxy.stop();
    await site.remove();
});
beforeEach(() => {
    proxy.clear();
    existing = new Set();
    proxy.script = ({ url }) => {
        const repository = /^\/v2\/(.+?)\/(?:manifests|blobs|tags)\//.exec(url)?.[1];
        // The registry behind the proxy has no empty repositories.
        const isEmptyList = url.includes("/tags/list") && repository !== undefined && existing.has(repository);
        if (isEmptyList) return { kind: "answer", status: 200, body: JSON.stringify({ name: repository, tags: [] }) };
        if (repository === undefined || existing.has(repository)) return undefined;
        const reason = `The repository with name '${repository}' does not exist in the registry with id '000000000000'`;
        return registryError(404, "NAME_UNKNOWN", reason);
    };
});

const list = (repositories: readonly string[], indent: string) =>
    repositories.map((name) => `\n${indent}${name}`).join("");
const posts = () => proxy.passed.filter(isUploadPost);

test("plan --repositories prints them one a line, without network and account", async () => {
    const printed = await site.runBare("plan", "--repositories");
    expect(printed).toEqual({ code: 0, error: "", out: `${REPOSITORIES.join("\n")}\n` });
    const json = await site.runBare("plan", "--repositories", "--json");
    expect(JSON.parse(json.out)).toEqual({ stack: "dev", repositories: REPOSITORIES });
    expect(proxy.passed).toEqual([]);
});

test("plan names those that the registry does not know, and writes nothing", async () => {
    existing.add("mirror/quay.io/multi/tool");
    const unknown = REPOSITORIES.filter((name) => !existing.has(name));
    const { code, error } = await site.run("plan");
    expect(code).toBe(0);
    expect(error).toContain(
        `note: the registry does not know 5 repositories that the images go to; if it creates none with the first push, as ECR, ` +
            `create them first (plan --repositories prints the names):${list(unknown, "    ")}\n`,
    );
    const json = await site.run("plan", "--json");
    expect(JSON.parse(json.out)).toMatchObject({ unknownRepositories: unknown });
    expect(proxy.passed.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
    proxy.script = () => undefined;
    expect((await site.run("plan")).error).not.toContain("note:");
});

test("the first import names all that are missing, once, before any byte is sent", async () => {
    existing.add("mirror/quay.io/multi/tool");
    const missing = REPOSITORIES.filter((name) => !existing.has(name));
    const { code, error } = await site.run("import");
    expect(code).toBe(1);
    expect(error.match(/REPOSITORIES_MISSING/g)).toHaveLength(1);
    expect(error).toContain(
        `the registry creates no repository with the first push, and 5 repositories do not exist:${list(missing, "    ")}\n`,
    );
    expect(error).toContain("plan --repositories");
    expect(posts()).toHaveLength(1);
    expect(proxy.passed.filter(({ method }) => method === "PUT" || method === "PATCH")).toEqual([]);
});

test("doctor names them, and when they exist, asks for a repository for its test blobs", async () => {
    const missing = await site.run("doctor");
    expect(missing.code).toBe(1);
    expect(missing.out).toContain("upload URL     FAILED REPOSITORIES_MISSING (404)");
    expect(missing.out).toContain(`and 6 repositories do not exist:${list(REPOSITORIES, "    ")}\n`);
    for (const name of REPOSITORIES) existing.add(name);
    const other = await site.run("doctor");
    expect(other.out).toContain("mirror/registry-passthrough/doctor does not exist; name a repository that exists");
    expect(await site.run("doctor", "--repository", "quay.io/team0/app0")).toMatchObject({ code: 0 });
});

test("a registry that creates repositories is asked whether it does, and takes everything", async () => {
    proxy.script = () => undefined;
    expect(await site.run("import")).toMatchObject({ code: 0 });
    const [first, second] = proxy.passed.filter(({ method }) => !["GET", "HEAD"].includes(method));
    // The check before the first import begins an upload and gives it up.
    expect([first, second].map((asked) => [asked?.method, asked?.status])).toEqual([
        ["POST", 202],
        ["DELETE", 204],
    ]);
});

test("a later import that needs another repository names it", async () => {
    proxy.script = () => undefined;
    await site.run("import");
    proxy.clear();
    const lost = "mirror/quay.io/legacy/v2s2";
    proxy.script = ({ url }) =>
        url.startsWith(`/v2/${lost}/`)
            ? registryError(404, "NAME_UNKNOWN", `repository ${lost} does not exist`)
            : undefined;
    const { code, out, error } = await site.run("import");
    expect(code).toBe(1);
    expect(error).not.toContain("REPOSITORIES_MISSING");
    expect(out).toContain("NAME_UNKNOWN (404)");
    expect(out).toContain(`create ${lost}, and run again`);
});
