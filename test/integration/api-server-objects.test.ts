import fc from "fast-check";
import { type ClusterCatalog, hasClusterCatalogs, parseClusterVersion, signatureConfigMaps } from "../../lib/openshift";
import { mirrorRules } from "../../lib/openshift/rules/create-mirror-objects";
import { isMirrorLocation, isMirrorSource } from "../../lib/openshift/rules/mirror-object-types";
import { type ApiServer, startApiServer } from "../support/api-server";
import { ApiError, type ApiObject, type NamedObject } from "../support/cluster/api-client";
import { RELEASES, type Release } from "../support/cluster/definitions";
import { createCluster } from "../support/openshift-cluster";
import { renderedObjects, renderedRules, signatures } from "../support/rendered-objects";

/** Of the generated names: a run that others can repeat. */
const SEED = 17;

/** What `kubectl apply` and `oc apply` without --server-side write beside the object. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** Names that the grammar's edges decide about. */
const NAMES = [
    "quay.io",
    "quay.io:443/org/app",
    "localhost",
    "10.0.0.1:5000/a",
    "Quay.IO/org",
    "*.quay.io",
    "*.a.b-c.Test",
    "",
    "*",
    "*.",
    "*quay.io",
    "**.quay.io",
    "*.quay.io:443",
    "*.quay.io/org",
    "a.*.quay.io",
    "quay.io/",
    "/quay.io",
    "quay.io//org",
    "quay.io/Org",
    "quay.io/org/app:tag",
    "quay.io/org/app@sha256:00",
    "https://quay.io",
    "quay.io:",
    "quay.io:port",
    "quay.io:99999999",
    "quay..io",
    ".quay.io",
    "quay.io.",
    "-quay.io",
    "quay-.io",
    "q_uay.io",
    "[fd00::1]:5000/org",
    "fd00::1",
    "quay.io/a..b",
    "quay.io/a__b",
    "quay.io/a___b",
    "quay.io/a----b",
    "quay.io/a._b",
    "quay.io/a-",
    "quay.io/_a",
    "quay.io/a-_b",
    "quay.io/ä",
    "bücher.test",
    " quay.io",
    "quay.io\n",
    "quay.io\nevil.test",
    "quay.io/org\u0000",
    `${"x".repeat(300)}.test`,
];

const OBJECT_NAMES = [
    "a",
    "0",
    "a.b-c.0",
    "a".repeat(253),
    "a".repeat(254),
    "A",
    "a_b",
    "-a",
    "a-",
    "a..b",
    ".a",
    "a.",
    "a.-b",
    "a/b",
    "ä",
    "a\n",
];

const word = (alphabet: string, maxLength = 6) =>
    fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength });
const location = fc
    .record({
        wildcard: fc.constantFrom("", "", "", "*."),
        labels: fc.array(word("abcXYZ019-"), { minLength: 1, maxLength: 3 }),
        port: fc.constantFrom("", "", ":5000", ":0"),
        components: fc.array(
            fc
                .tuple(word("ab09", 3), fc.constantFrom("", ".", "_", "__", "-", "---", "___", ".."), word("ab09", 3))
                .map((parts) => parts.join("")),
            { maxLength: 3 },
        ),
    })
    .map(
        ({ wildcard, labels, port, components }) =>
            `${wildcard}${labels.join(".")}${port}${components.map((one) => `/${one}`).join("")}`,
    );
/** Names that are mostly right, and such with one character too many or another one. */
const names = fc.oneof(
    { weight: 3, arbitrary: location },
    {
        weight: 1,
        arbitrary: fc
            .tuple(location, fc.nat(), fc.nat(1), fc.constantFrom(..."A_.-:/*@[] \n", "é", "\u0000"))
            .map(([text, at, removed, added]) => {
                const place = at % (text.length + 1);
                return `${text.slice(0, place)}${added}${text.slice(place + removed)}`;
            }),
    },
    { weight: 1, arbitrary: word("aZ0.-_:/*@", 12) },
);

describe.each(RELEASES)("the API of OpenShift %s", (release) => {
    const version = `${release}.20`;
    let server: ApiServer;

    beforeAll(async () => {
        server = await startApiServer({ crds: release });
        await createCluster(server.admin, { version });
    });
    afterAll(() => server.stop());

    it("has the kinds of mirror rules that we render for it", () => {
        const kinds = new Set(renderedRules(version, "allow").map(({ kind }) => kind));
        const expected =
            release === "4.12" ? ["ImageContentSourcePolicy"] : ["ImageDigestMirrorSet", "ImageTagMirrorSet"];
        expect([...kinds]).toEqual(expected);
    });

    it("accepts every object that we render, and keeps all of its fields", async () => {
        const objects = renderedObjects(version);
        // There is one on every cluster: nobody creates it.
        for (const object of objects.filter(({ kind }) => kind !== "OperatorHub")) {
            expect(await server.admin.create(object)).toMatchObject(content(object));
        }
        for (const object of objects) {
            expect(await server.admin.apply(object, { manager: "apply", force: true })).toMatchObject(content(object));
        }
    });

    it("accepts the rules that forbid the upstream, over those that allow it", async () => {
        for (const object of renderedRules(version, "never")) {
            expect(await server.admin.apply(object, { manager: "apply", force: true })).toMatchObject(content(object));
        }
    });

    it("refuses a field that it does not know", async () => {
        for (const object of renderedRules(version, "allow")) {
            const { spec } = object as ApiObject;
            const odd = { ...object, metadata: { name: "odd" }, spec: { ...spec, unknown: true } } as NamedObject;
            await expect(server.admin.create(odd)).rejects.toMatchObject({ status: 400, reason: "BadRequest" });
            await expect(server.admin.apply(odd)).rejects.toThrow(/unknown/);
        }
    });

    it("accepts the signatures of many releases from an oc apply too, which keeps the object in an annotation", async () => {
        const [first, ...others] = signatureConfigMaps(signatures(700));
        expect(others.length).toBeGreaterThan(1);
        for (const part of [first, ...others])
            await server.admin.apply(asApplied(part as NamedObject), { force: true });
        const whole = {
            ...first,
            binaryData: Object.assign({}, ...[first, ...others].map((part) => part?.binaryData)),
        };
        await expect(server.admin.apply(asApplied(whole as NamedObject), { force: true })).rejects.toMatchObject({
            message: expect.stringContaining("annotations: Too long"),
        });
    });

    it("decides about names of objects as we do", async () => {
        for (const name of OBJECT_NAMES) {
            const object = { ...renderedRules(version, "allow")[0], metadata: { name } } as NamedObject;
            expect({ name, isAccepted: await isCreated(server, object) }).toEqual({
                name,
                isAccepted: isRendered(name),
            });
        }
    });

    if (hasClusterCatalogs(parseClusterVersion(version))) {
        it("refuses what we do not render for a catalog: a poll of a digest, and a tag that it takes for too long", async () => {
            const [tagged, ...others] = renderedObjects(version).filter(isClusterCatalog);
            const byDigest = others.find(({ spec }) => spec.source.image.ref.includes("@"));
            const long = `registry.lab.test:8443/${"x".repeat(120)}:v1`;
            await expect(server.admin.create(catalog(byDigest?.spec.source.image.ref ?? ""))).rejects.toThrow(
                /pollIntervalMinutes/,
            );
            await expect(server.admin.create(catalog(long))).rejects.toThrow(/must not be more than 127 characters/);
            await server.admin.create(catalog(tagged?.spec.source.image.ref ?? ""));
        });
    }

    if (release !== "4.12") {
        it("decides about the edges of the grammar as we do", async () => {
            for (const text of NAMES) await expectAgreement(server, release, text);
        });

        it("decides about generated names as we do", async () => {
            const verdicts = { accepted: 0, refused: 0 };
            const decide = async (text: string) => {
                const isSource = await expectAgreement(server, release, text);
                verdicts[isSource ? "accepted" : "refused"] += 1;
            };
            await fc.assert(fc.asyncProperty(names, decide), { numRuns: 250, seed: SEED });
            expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(25);
        });
    }
});

/** Asks both kinds about the text as source and as mirror. @returns whether it is a source */
async function expectAgreement(server: ApiServer, release: Release, text: string): Promise<boolean> {
    const asSource = { source: text };
    const asMirror = { source: "quay.io", mirrors: [text] };
    const verdicts = { release, text, source: isMirrorSource(text), mirror: isMirrorLocation(text) };
    for (const isByTag of [false, true]) {
        const source = await isAccepted(server, mirrorSet(isByTag, asSource), isByTag);
        const mirror = await isAccepted(server, mirrorSet(isByTag, asMirror), isByTag);
        expect({ release, text, source, mirror }).toEqual(verdicts);
    }
    return verdicts.source;
}

/** @returns false if the API server rejects the object itself */
async function isCreated(server: ApiServer, object: NamedObject): Promise<boolean> {
    try {
        await server.admin.create(object);
        return true;
    } catch (error) {
        if (error instanceof ApiError && error.status === 422) return false;
        throw error;
    }
}

function mirrorSet(isByTag: boolean, entry: object): object {
    return {
        apiVersion: "config.openshift.io/v1",
        kind: isByTag ? "ImageTagMirrorSet" : "ImageDigestMirrorSet",
        metadata: { name: "asked" },
        spec: { [isByTag ? "imageTagMirrors" : "imageDigestMirrors"]: [entry] },
    };
}

async function isAccepted(server: ApiServer, object: object, isByTag: boolean): Promise<boolean> {
    const plural = isByTag ? "imagetagmirrorsets" : "imagedigestmirrorsets";
    const path = `/apis/config.openshift.io/v1/${plural}?dryRun=All&fieldValidation=Strict`;
    const { status, text } = await server.admin.request("POST", path, object);
    if (status === 201) return true;
    if (status === 422 && text.includes("should match")) return false;
    throw new Error(`the API did not judge the name: ${status} ${text}`);
}

function isClusterCatalog(object: NamedObject): object is ClusterCatalog {
    return object.kind === "ClusterCatalog";
}

function catalog(ref: string): NamedObject {
    const source = { type: "Image", image: { ref, pollIntervalMinutes: 30 } };
    const named = { apiVersion: "olm.operatorframework.io/v1", kind: "ClusterCatalog", metadata: { name: "asked" } };
    return { ...named, spec: { source } } as NamedObject;
}

/** Whether we render rules under this name. */
function isRendered(name: string): boolean {
    const hosts = [{ host: "quay.io", tags: true, digests: true }];
    const base = { host: "registry.lab.test", prefix: "mirror" };
    try {
        mirrorRules({ base, hosts, contactSource: "allow", names: { digest: name } });
        return true;
    } catch {
        return false;
    }
}

/** All fields of an object but its type and metadata. */
function content({ apiVersion: _, kind: __, metadata: ___, ...rest }: NamedObject): object {
    return rest;
}

function asApplied(object: NamedObject): NamedObject {
    const annotations = { [LAST_APPLIED]: `${JSON.stringify(object)}\n` };
    return { ...object, metadata: { ...object.metadata, annotations } } as NamedObject;
}
