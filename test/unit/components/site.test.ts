import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { PassthroughSite, type PassthroughSiteArgs } from "../../../components";
import type { Content, SiteCluster } from "../../../lib/site";
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

const account = (username: string) => pulumi.secret({ username, password: PASSWORD });
const SITE: PassthroughSiteArgs = {
    registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror", ca: "PEM" },
    upstreams: ["quay.io", "registry.redhat.io"],
    content: [set("one", "quay.io/org/app:1"), set("two", "quay.io/org/b:1"), set("three", "quay.io/org/c:1")],
    clusters: [{ name: "", contactSource: "allow", version: "4.18.20", adopt: false, allowRemoval: false }],
    importer: account("pusher"),
    puller: account("reader"),
};
const HARBOR: PassthroughSiteArgs = {
    ...SITE,
    registry: { type: "harbor", mirrorBase: "registry.example:8443/mirror" },
    admin: account("admin"),
};

const KINDS = ["Access", "Namespace", "Superuser"].map((kind) => `Registry${kind}`);
KINDS.push("ImageImport", "MirrorValidation", "RobotAccount", "RobotRetirement", "RepositorySet");

/** A resource of the program that deploys the registry itself: nothing of it is known in a preview. */
class Deployment extends pulumi.CustomResource {
    declare readonly host: pulumi.Output<string>;
    constructor() {
        super("test:index:Deployment", "deployment", { host: undefined });
    }
}

/** The resources that a program may have; all others fail the test. */
const MOCKS: pulumi.runtime.Mocks = {
    newResource: (args) => {
        if (args.type === "test:index:Deployment") return { id: "deployment", state: {} };
        created.push(args);
        if (args.custom === true && !KINDS.some((kind) => args.type === `${DYNAMIC}${kind}`))
            throw new Error(`not mocked: ${args.type}`);
        const robot = {
            robot: { username: args.name, createdAt: "", id: "1" },
            login: { username: `user of ${args.name}`, password: PASSWORD },
        };
        const more = args.type === `${DYNAMIC}RobotAccount` ? robot : {};
        return { id: `${args.name}-id`, state: { ...(args.inputs as Record<string, unknown>), ...more } };
    },
    call: ({ token }) => {
        throw new Error(`not mocked: ${token}`);
    },
};

const resolveOutput = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => void output.apply(resolve));

/** Runs a program as the engine would. */
async function run<T>(program: () => T, preview = false): Promise<T> {
    created.length = 0;
    notes.mockClear();
    await pulumi.runtime.setMocks(MOCKS, "registry-passthrough", "test", preview);
    const result = program();
    await pulumi.runtime.disconnect();
    return result;
}

const declare = (args: PassthroughSiteArgs = SITE, preview = false) =>
    run(() => new PassthroughSite("site", args), preview);

/** What the program asks the engine to register, in its order. */
async function registrations(program: () => unknown): Promise<RegisterResourceRequest[]> {
    const registered = jest.spyOn(MockMonitor.prototype, "registerResource");
    await run(program);
    const requests = registered.mock.calls.map(([request]) => request as RegisterResourceRequest);
    registered.mockRestore();
    return requests;
}

const byType = (type: string) => created.filter((resource) => resource.type === type);
const declaredInput = (resource: pulumi.runtime.MockResourceArgs | undefined, name: string): unknown =>
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

test("a registry with robot accounts also has its structure and the two accounts", async () => {
    const superuserPassword = pulumi.secret("canary-super");
    const registry = { type: "mirror-registry", mirrorBase: "registry.example/mirror" } as const;
    await declare({ ...HARBOR, registry, superuserPassword, content: [] });
    expect(created.map(({ type, name }) => `${type.replace(DYNAMIC, "")} ${name}`).sort()).toEqual([
        "MirrorValidation validation",
        "RegistryAccess registry",
        "RegistryNamespace mirror",
        "RegistrySuperuser superuser",
        "RepositorySet repositories",
        "RobotAccount importer",
        "RobotAccount puller",
        "RobotRetirement puller-retirement",
        "registry-passthrough:content:ImageContent content",
        "registry-passthrough:registry:RepositoryStructure structure",
        "registry-passthrough:registry:RobotAccess robots",
        "registry-passthrough:site:PassthroughSite site",
    ]);
    const [superuser] = byType(`${DYNAMIC}RegistrySuperuser`);
    expect(declaredInput(superuser, "superuserPassword")).toMatchObject({ [SECRET]: expect.anything() });
});

test("two sites in one program share no URN, and both have all their resources", async () => {
    const requests = await registrations(() => {
        new PassthroughSite("site", HARBOR);
        new PassthroughSite("other", HARBOR);
    });
    // The engine's URNs have the types of the parents, not their names.
    const resourceType = (urn: string) => urn.split("::")[2] ?? "";
    const urns = requests.map(
        (request) => `${resourceType(request.getParent())}$${request.getType()}::${request.getName()}`,
    );
    expect(new Set(urns).size).toBe(urns.length);
    expect(requests.flatMap((request) => request.getAliasesList())).toEqual([]);
    const own = requests.filter((request) => request.getName().startsWith("other")).map((request) => request.getName());
    expect(own).toHaveLength(requests.length / 2);
    expect(own.sort()).toEqual([
        "other",
        "other-content",
        "other-content-one",
        "other-content-three",
        "other-content-two",
        "other-puller-retirement",
        "other-registry",
        "other-structure",
        "other-structure-namespace",
        "other-structure-robots",
        "other-structure-robots-importer",
        "other-structure-robots-puller",
        "other-validation",
    ]);
});

test("where the registry is may be an output of the program: the graph is the same, and inputs are unknown in a preview", async () => {
    const declareDeployed = (preview: boolean) =>
        run(() => {
            const deployment = new Deployment();
            const mirrorBase = pulumi.interpolate`${deployment.host}/mirror`;
            const ca = deployment.host.apply((host) => `CA of ${host}`);
            return new PassthroughSite("lab", { ...HARBOR, registry: { type: "harbor", mirrorBase, ca } });
        }, preview);
    await run(() => new PassthroughSite("lab", HARBOR), true);
    const planned = created.map(({ type, name }) => `${type} ${name}`).sort();
    const declared = await declareDeployed(true);
    expect(created.map(({ type, name }) => `${type} ${name}`).sort()).toEqual(planned);
    expect(declaredInput(byType(`${DYNAMIC}ImageImport`)[0], "registry")).toMatchObject({
        type: "harbor",
        retrySeconds: 60,
    });
    expect(await (declared.cluster().registriesConf as unknown as { isKnown: Promise<boolean> }).isKnown).toBe(false);
});

test("an account that the registry's type needs is asked for by name", async () => {
    const { importer: _, ...noImporter } = SITE;
    expect(() => new PassthroughSite("lab", noImporter)).toThrow(
        "site lab: a registry of type distribution needs importer: it has no robot accounts",
    );
    const { admin: __, ...noAdmin } = HARBOR;
    expect(() => new PassthroughSite("lab", noAdmin)).toThrow("a registry of type harbor needs admin");
});

test("each resource's own URN is among its inputs", async () => {
    await declare();
    const parents = "registry-passthrough:site:PassthroughSite";
    const prefix = "urn:pulumi:test::registry-passthrough::";
    const imports = byType(`${DYNAMIC}ImageImport`).map((resource) => declaredInput(resource, "selfUrn"));
    expect(imports[0]).toBe(`${prefix}${parents}$registry-passthrough:content:ImageContent$${DYNAMIC}ImageImport::one`);
    const [validation] = byType(`${DYNAMIC}MirrorValidation`);
    expect(declaredInput(validation, "selfUrn")).toBe(`${prefix}${parents}$${DYNAMIC}MirrorValidation::validation`);
});

test("first the access, then the sets in their order, and the validation at the end", async () => {
    const requests = await registrations(() => new PassthroughSite("site", SITE));
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

test("what deletes earlier pullers comes after what pulls, and knows which account that has", async () => {
    const clusters = ["east", "west"].map((name) => ({ ...SITE.clusters?.[0], name }) as SiteCluster);
    const requests = await registrations(() => new PassthroughSite("site", { ...HARBOR, clusters }));
    const dependencies = requests.find((request) => request.getName() === "puller-retirement")?.getDependenciesList();
    const names = dependencies?.map((urn) => urn.slice(urn.lastIndexOf("::") + 2)) ?? [];
    expect(names).toEqual(expect.arrayContaining(["puller", "validation-east", "validation-west"]));
    const [retirement] = byType(`${DYNAMIC}RobotRetirement`);
    expect(declaredInput(retirement, "users")).toEqual([
        { resource: "validation-east", username: "user of puller" },
        { resource: "validation-west", username: "user of puller" },
    ]);
    expect(declaredInput(retirement, "current")).toBe("puller");
    expect(declaredInput(retirement, "byHand")).toBe(true);
});

test("every account is secret; pushing uses the importer's, validating the puller's", async () => {
    await declare();
    const accounts = created
        .filter(({ custom }) => custom)
        .map((resource) => [resource.name, declaredInput(resource, "account"), declaredInput(resource, "credentials")]);
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

test("state gets one line that loads the code, and no code", async () => {
    await declare();
    const kinds = created
        .filter(({ custom }) => custom)
        .map((resource) =>
            /^exports\.handler=\(\)=>require\("(.*)"\)\.(\w+)$/.exec(String(declaredInput(resource, "__provider"))),
        )
        .map((match) => match?.slice(1));
    expect(new Set(kinds.map((match) => match?.[0]))).toEqual(new Set(["./dist/dynamic-providers/entry"]));
    expect(new Set(kinds.map((match) => match?.[1]))).toEqual(
        new Set(["registryAccess", "imageImport", "mirrorValidation"]),
    );
    for (const match of kinds) expect(Object.keys(entry)).toContain(match?.[1]);
});

test("the validation covers all sets, with what they leave out on purpose, and uses the rules of the outputs", async () => {
    const declared = await declare();
    const [validation] = byType(`${DYNAMIC}MirrorValidation`);
    expect(Object.keys(toImageMap(declaredInput(validation, "images") as string))).toEqual([
        "quay.io/org/app:1",
        "quay.io/org/b:1",
        "quay.io/org/c:1",
    ]);
    expect(declaredInput(validation, "sparse")).toEqual(SITE.content.flatMap(({ leftOut }) => leftOut));
    expect(declaredInput(validation, "registriesConf")).toBe(await resolveOutput(declared.cluster().registriesConf));
    const rules = JSON.stringify(await resolveOutput(declared.cluster().mirrorRules));
    expect(rules).toContain("registry.example:8443/mirror/quay.io");
    expect(rules).not.toContain("registry.redhat.io");
});

test("outputs name each image's place; the accounts' secrets are secret, the pull secret is the puller's", async () => {
    const declared = await declare();
    expect((await resolveOutput(declared.images))["quay.io/org/app:1"]).toEqual({
        mirror: "registry.example:8443/mirror/quay.io/org/app:1",
        digest: computeDigest("quay.io/org/app:1"),
    });
    expect(await resolveOutput(declared.registryCa)).toBe("PEM");
    for (const [secret, username] of [
        [declared.pullSecret, "reader"],
        [declared.pushSecret, "pusher"],
    ] as const) {
        expect(await pulumi.isSecret(secret)).toBe(true);
        const { auths } = JSON.parse(await resolveOutput(secret)) as { auths: Record<string, { auth: string }> };
        expect(Object.keys(auths)).toEqual(["registry.example:8443"]);
        const { auth } = auths["registry.example:8443"] ?? { auth: "" };
        expect(Buffer.from(auth, "base64").toString()).toBe(`${username}:${PASSWORD}`);
    }
});

test("with an address for pushes, the account that pushes is for that address, the pull secret for the mirror base", async () => {
    const registry = { ...SITE.registry, pushHost: "push.example:8443" };
    const declared = await declare({ ...SITE, registry });
    const hosts = async (secret: pulumi.Output<string>) =>
        Object.keys((JSON.parse(await resolveOutput(secret)) as { auths: object }).auths);
    expect(await hosts(declared.pushSecret)).toEqual(["push.example:8443"]);
    expect(await hosts(declared.pullSecret)).toEqual(["registry.example:8443"]);
});

test("an image that lost its digest is offered to tag mirrors only, marked in the outputs, and named in a note", async () => {
    const lost = { ...set("one", "quay.io/org/app:1"), marks: { "quay.io/org/app:1": "tag-only" as const } };
    const declared = await declare({ ...SITE, content: [lost] });
    expect((await resolveOutput(declared.cluster().mirrorRules)).map(({ kind }) => kind)).toEqual([
        "ImageTagMirrorSet",
    ]);
    expect((await resolveOutput(declared.images))["quay.io/org/app:1"]).toMatchObject({ mark: "tag-only" });
    expect(declaredInput(byType(`${DYNAMIC}MirrorValidation`)[0], "marks")).toEqual(lost.marks);
    expect(notes.mock.calls.map(([note]) => note).join("\n")).toContain(
        "1 image is known by tag only: its upstream digest is lost, so pulls by digest will not find it: quay.io/org/app:1",
    );
});

test("without such images the validation has no marks among its inputs", async () => {
    await declare();
    expect(byType(`${DYNAMIC}MirrorValidation`)[0]?.inputs).not.toHaveProperty("marks");
});

test("hosts that have no rule yet, and tags that a later set has moved, are notes on the site's own row", async () => {
    const content = [set("one", "quay.io/org/app:1", ["quay.io/org/app:0"])];
    const declared = await declare({ ...SITE, content });
    expect(notes.mock.calls).toEqual([
        [
            [
                "2 notes on the content and the mirror rules:",
                "no rule yet, since there is no content, for: registry.redhat.io",
                "one: a later set moves 1 tag (quay.io/org/app:0); the images of this set are kept by digest",
            ].join("\n    "),
            declared,
        ],
    ]);
});

test("a site without content, and a preview, have the same shape", async () => {
    await declare({ ...SITE, content: [] });
    expect(created.filter(({ custom }) => custom).map(({ name }) => name)).toEqual(["registry", "validation"]);
    await declare(SITE, true);
    expect(created).toHaveLength(7);
});
