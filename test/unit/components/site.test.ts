import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { PassthroughSite } from "../../../components/passthrough-site";
import { type Content, type Site, parseConnection } from "../../../lib/site";
import { toImageMap } from "../../../lib/import";
import * as entry from "../../../dynamic-providers/entry";
import { computeDigest } from "../../../lib/oci/digest";

const PASSWORD = "canary-91be";
const SECRET = "4dabf18193072939515e22adb298388d";
const DYNAMIC = "pulumi-nodejs:dynamic/registry-passthrough:";
const created: pulumi.runtime.MockResourceArgs[] = [];
const notes = jest.spyOn(pulumi.log, "info").mockImplementation(() => Promise.resolve());

const set = (name: string, source: string, superseded: readonly string[] = []): Content => ({
    name,
    archive: [`${name}.tar`],
    lock: `${name}.lock.json`,
    lockDigest: computeDigest(name),
    images: { [source]: computeDigest(source) },
    earlier: {},
    marks: {},
    sparse: [computeDigest(`${name} sparse`)],
    leftOut: [`${source} ${computeDigest(`${name} sparse`)}`],
    superseded,
});

const SITE: Site = {
    registry: parseConnection({
        type: "distribution",
        mirrorBase: "registry.example:8443/mirror",
        ca: "PEM",
        retrySeconds: 60,
    }),
    upstreams: ["quay.io", "registry.redhat.io"],
    content: [set("one", "quay.io/org/app:1"), set("two", "quay.io/org/b:1"), set("three", "quay.io/org/c:1")],
    cluster: { contactSource: "allow", version: "4.18.20" },
    concurrency: 6,
    wholeImages: 3,
    adopt: false,
    robots: { importer: { maxAge: 30 }, puller: { maxAge: 90, overlap: 7 } },
    onRemove: "keep",
};

/** What the program may do is said here; all else fails the test. */
const MOCKS: pulumi.runtime.Mocks = {
    newResource: (args) => {
        created.push(args);
        const known = [`${DYNAMIC}RegistryAccess`, `${DYNAMIC}ImageImport`, `${DYNAMIC}MirrorValidation`];
        if (args.custom === true && !known.includes(args.type)) throw new Error(`not mocked: ${args.type}`);
        return { id: `${args.name}-id`, state: args.inputs as Record<string, unknown> };
    },
    call: ({ token }) => {
        throw new Error(`not mocked: ${token}`);
    },
};

const valueOf = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => void output.apply(resolve));

/** Declares the site as the engine would run it. */
async function declare(site: Site = SITE, preview = false): Promise<PassthroughSite> {
    created.length = 0;
    notes.mockClear();
    await pulumi.runtime.setMocks(MOCKS, "registry-passthrough", "test", preview);
    const account = (username: string) => pulumi.secret({ username, password: PASSWORD });
    const declared = new PassthroughSite("site", { site, importer: account("pusher"), puller: account("reader") });
    await pulumi.runtime.disconnect();
    return declared;
}

const byType = (type: string) => created.filter((resource) => resource.type === type);
const inputOf = (resource: pulumi.runtime.MockResourceArgs | undefined, name: string): unknown =>
    (resource?.inputs as Record<string, unknown> | undefined)?.[name];

test("a site is its registry's access, one import for each set, and one validation", async () => {
    await declare();
    expect(created.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
        `${DYNAMIC}ImageImport one`,
        `${DYNAMIC}ImageImport three`,
        `${DYNAMIC}ImageImport two`,
        `${DYNAMIC}MirrorValidation validation`,
        `${DYNAMIC}RegistryAccess registry`,
        "registry-passthrough:content:ImageContent content",
        "registry-passthrough:site:PassthroughSite site",
    ]);
});

test("each resource's URN says where it belongs, and is what the resource itself is told", async () => {
    await declare();
    const parents = "registry-passthrough:site:PassthroughSite";
    const prefix = "urn:pulumi:test::registry-passthrough::";
    const imports = byType(`${DYNAMIC}ImageImport`).map((resource) => inputOf(resource, "selfUrn"));
    expect(imports[0]).toBe(`${prefix}${parents}$registry-passthrough:content:ImageContent$${DYNAMIC}ImageImport::one`);
    const [validation] = byType(`${DYNAMIC}MirrorValidation`);
    expect(inputOf(validation, "selfUrn")).toBe(`${prefix}${parents}$${DYNAMIC}MirrorValidation::validation`);
});

test("first the access, then the sets in their order, and the proof when all are in", async () => {
    const registered = jest.spyOn(MockMonitor.prototype, "registerResource");
    await declare();
    const requests = registered.mock.calls.map(([request]) => request as RegisterResourceRequest);
    registered.mockRestore();
    const names = (urns: readonly string[]) => urns.map((urn) => urn.slice(urn.lastIndexOf("::") + 2)).sort();
    const custom = requests.filter((request) => request.getCustom());
    expect(custom.map((request) => [request.getName(), names(request.getDependenciesList())])).toEqual([
        ["registry", []],
        ["one", ["registry"]],
        ["two", ["one"]],
        ["three", ["two"]],
        ["validation", ["one", "three", "two"]],
    ]);
});

test("every account is secret; what pushes has the importer's, what proves the puller's", async () => {
    await declare();
    const accounts = created
        .filter(({ custom }) => custom)
        .map((resource) => [resource.name, inputOf(resource, "account"), inputOf(resource, "credentials")]);
    const secret = (username: string) => ({
        [SECRET]: "1b47061264138c4ac30d75fd1eb44270",
        value: { username, password: PASSWORD },
    });
    expect(accounts).toEqual([
        ["registry", "importer", secret("pusher")],
        ["one", "importer", secret("pusher")],
        ["two", "importer", secret("pusher")],
        ["three", "importer", secret("pusher")],
        ["validation", "puller", secret("reader")],
    ]);
});

test("state gets one line that leads to the code, and no code", async () => {
    await declare();
    const kinds = created
        .filter(({ custom }) => custom)
        .map((resource) =>
            /^exports\.handler=\(\)=>require\("(.*)"\)\.(\w+)$/.exec(String(inputOf(resource, "__provider"))),
        )
        .map((match) => match?.slice(1));
    expect(new Set(kinds.map((match) => match?.[0]))).toEqual(new Set(["./dist/dynamic-providers/entry"]));
    expect(new Set(kinds.map((match) => match?.[1]))).toEqual(
        new Set(["registryAccess", "imageImport", "mirrorValidation"]),
    );
    for (const match of kinds) expect(Object.keys(entry)).toContain(match?.[1]);
});

test("the proof is over all sets, with what they leave out on purpose, and by the rules that are put out", async () => {
    const declared = await declare();
    const [validation] = byType(`${DYNAMIC}MirrorValidation`);
    expect(Object.keys(toImageMap(inputOf(validation, "images") as string))).toEqual([
        "quay.io/org/app:1",
        "quay.io/org/b:1",
        "quay.io/org/c:1",
    ]);
    expect(inputOf(validation, "sparse")).toEqual(SITE.content.flatMap(({ leftOut }) => leftOut));
    expect(inputOf(validation, "registriesConf")).toBe(declared.registriesConf);
    expect(declared.mirrorRules).toContain("registry.example:8443/mirror/quay.io");
    expect(declared.mirrorRules).not.toContain("registry.redhat.io");
});

test("outputs name each image's place; the accounts' secrets are secret, the pull secret is the puller's", async () => {
    const declared = await declare();
    expect((await valueOf(declared.images))["quay.io/org/app:1"]).toEqual({
        mirror: "registry.example:8443/mirror/quay.io/org/app:1",
        digest: computeDigest("quay.io/org/app:1"),
    });
    expect(declared.registryCa).toBe("PEM");
    for (const [secret, username] of [
        [declared.pullSecret, "reader"],
        [declared.pushSecret, "pusher"],
    ] as const) {
        expect(await pulumi.isSecret(secret)).toBe(true);
        const { auths } = JSON.parse(await valueOf(secret)) as { auths: Record<string, { auth: string }> };
        expect(Object.keys(auths)).toEqual(["registry.example:8443"]);
        const { auth } = auths["registry.example:8443"] ?? { auth: "" };
        expect(Buffer.from(auth, "base64").toString()).toBe(`${username}:${PASSWORD}`);
    }
});

test("an image that lost its digest is offered to tag mirrors only, marked in the outputs, and told by name", async () => {
    const lost = { ...set("one", "quay.io/org/app:1"), marks: { "quay.io/org/app:1": "tag-only" as const } };
    const declared = await declare({ ...SITE, content: [lost] });
    expect(declared.mirrorRules).toContain("ImageTagMirrorSet");
    expect(declared.mirrorRules).not.toContain("ImageDigestMirrorSet");
    expect((await valueOf(declared.images))["quay.io/org/app:1"]).toMatchObject({ mark: "tag-only" });
    expect(inputOf(byType(`${DYNAMIC}MirrorValidation`)[0], "marks")).toEqual(lost.marks);
    expect(notes.mock.calls.map(([note]) => note)).toContain(
        "1 image is known by tag only: its upstream digest is lost, so pulls by digest will not find it: quay.io/org/app:1",
    );
});

test("without such images the proof's inputs are those of before there were marks", async () => {
    await declare();
    expect(byType(`${DYNAMIC}MirrorValidation`)[0]?.inputs).not.toHaveProperty("marks");
});

test("hosts that have no rule yet, and tags that a later set has moved, are told on the site's own row", async () => {
    const content = [set("one", "quay.io/org/app:1", ["quay.io/org/app:0"])];
    const declared = await declare({ ...SITE, content });
    expect(notes.mock.calls).toEqual([
        ["no rule yet, since there is no content, for: registry.redhat.io", declared],
        ["one: a later set moves 1 tags (quay.io/org/app:0); the images of this set are kept by digest", declared],
    ]);
});

test("a site without content, and a preview, have the same shape", async () => {
    await declare({ ...SITE, content: [] });
    expect(created.filter(({ custom }) => custom).map(({ name }) => name)).toEqual(["registry", "validation"]);
    await declare(SITE, true);
    expect(created).toHaveLength(7);
});
