import { dirname } from "node:path";
import { rmSync } from "node:fs";
import fc from "fast-check";
import { type Digest, computeDigest } from "../../lib/oci/digest";
import { checkSignatures } from "../../lib/passthrough";
import {
    type SignaturePolicy,
    type SignedIdentity,
    type SignedName,
    policyJson,
    registriesD,
} from "../../lib/signatures";
import { type OracleVerdict, askSignatureOracle } from "../support/signature-oracle";
import { SignedRegistry, cosignPayload, signatureLayer } from "../support/signed-registry";
import { KEYS, KEY_NAMES, SIGNINGS, type Signing, good, hashed } from "../support/signings";

/* Nodes of OpenShift 4.20 and later pull with go.podman.io/image: what we say about signatures is what it decides. */

/** SIGNATURE_ORACLE_SEED=… repeats, or varies, the generated cases. */
const SEED = Number(process.env["SIGNATURE_ORACLE_SEED"] ?? 23);
/** At least. */
const CASES = 400;
/** The first run builds the oracle. */
const TIMEOUT = 1_200_000;

const NAMES = ["quay.io/team/app", "quay.io/team/sub/tool", "docker.io/library/nginx", "registry.example.com/app"];
const TAG = "1.0";
const repositoryOf = (name: string) => `mirror/${name}`;
const signatureTagOf = (digest: Digest) => `${digest.replace(":", "-")}.sig`;

let site: SignedRegistry;

/** An image in the registry, with or without signatures. */
interface Stored {
    readonly what: string;
    readonly name: string;
    readonly digest: Digest;
    readonly tag: string;
}
const stored: Stored[] = [];

/** Names that a signature may carry for an image of a repository. */
function identities(name: string, tag: string, digest: Digest): Record<string, string> {
    return {
        bare: name,
        tagged: `${name}:${tag}`,
        digested: `${name}@${digest}`,
        both: `${name}:${tag}@${digest}`,
        "other digest": `${name}@sha256:${"0".repeat(64)}`,
        "other tag": `${name}:other`,
        "other repository": `quay.io/other/app:${tag}`,
        "at the mirror": `${site.registry.host}/${repositoryOf(name)}:${tag}`,
        vendor: `vendor.example.com/${name.split("/").slice(1).join("/")}:${tag}`,
        "capital host": `${name.replace("quay.io", "Quay.io")}:${tag}`,
        short: `nginx:${tag}`,
        legacy: `index.docker.io/library/nginx:${tag}`,
        "no name": "",
        "upper case": `${name.toUpperCase()}:${tag}`,
        sha512: `${name}@sha512:${"a".repeat(128)}`,
        "short digest": `${name}@sha256:${"a".repeat(40)}`,
    };
}

beforeAll(async () => {
    site = await SignedRegistry.start();
    let count = 0;
    const fresh = () => `bytes ${++count}`;
    const image = async (what: string, name: string, sign: Signing | undefined, more: object = {}) => {
        const tag = `t${count}`;
        const digest = await site.image(repositoryOf(name), fresh(), "amd64", tag);
        if (sign !== undefined) {
            await site.signatures(repositoryOf(name), signatureTagOf(digest), sign(name, tag, digest), more);
        }
        stored.push({ what, name, digest, tag });
        return digest;
    };
    for (const [at, [what, sign]] of Object.entries(SIGNINGS).entries()) {
        await image(what, NAMES[at % NAMES.length] ?? "", sign);
    }
    for (const name of NAMES) {
        await image("unsigned", name, undefined);
        for (const what of Object.keys(identities(name, "", ""))) {
            await image(`signed as ${what}`, name, (of, tag, digest) => [
                signatureLayer(KEYS.a, cosignPayload(digest, identities(of, tag, digest)[what] ?? "")),
            ]);
        }
    }
    const [name = ""] = NAMES;
    const repository = repositoryOf(name);
    for (const algorithm of ["sha384", "sha512"]) {
        const digest = await image(`payload with ${algorithm}`, name, undefined);
        const bytes = (await site.client.manifestGet(repository, digest))?.bytes ?? Buffer.alloc(0);
        const payload = cosignPayload(hashed(algorithm, bytes), `${name}:1.0`);
        await site.signatures(repository, signatureTagOf(digest), [signatureLayer(KEYS.a, payload)]);
    }
    for (const fallback of [false, true]) {
        const digest = await image(fallback ? "fallback tag" : "referrer", name, undefined);
        const size = (await site.client.manifestGet(repository, digest))?.bytes.length ?? 0;
        const subject = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size };
        const signature = await site.signatures(repository, undefined, good(name, TAG, digest), {
            subject,
            artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        });
        if (fallback)
            await site.index(repository, [{ digest: signature, architecture: "amd64" }], digest.replace(":", "-"));
    }
    const index = await image("an index under the tag of signatures", name, undefined);
    const child = await site.image(repository, fresh());
    await site.index(repository, [{ digest: child, architecture: "amd64" }], signatureTagOf(index));
    const docker = await image("a Docker manifest under the tag of signatures", name, undefined);
    await site.signatures(repository, signatureTagOf(docker), good(name, TAG, docker), {
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    });
    const lost = await image("payload lost by the registry", name, (of, tag, digest) => [
        signatureLayer(KEYS.a, cosignPayload(digest, `${of}:${tag}`, { optional: { lost: 1 } })),
    ]);
    const { tag = "" } = stored.find(({ digest }) => digest === lost) ?? {};
    const hex = computeDigest(cosignPayload(lost, `${name}:${tag}`, { optional: { lost: 1 } })).slice(7);
    rmSync(dirname(site.registry.storage("blobs", "sha256", hex.slice(0, 2), hex, "data")), { recursive: true });
    for (const signed of [["index"], ["amd64"], ["amd64", "arm64"], ["index", "amd64", "arm64"], []]) {
        const children = [];
        const indexTag = `i${++count}`;
        for (const architecture of ["amd64", "arm64"]) {
            const digest = await site.image(repository, fresh(), architecture);
            children.push({ digest, architecture });
            if (!signed.includes(architecture)) continue;
            await site.signatures(repository, signatureTagOf(digest), good(name, indexTag, digest));
        }
        const digest = await site.index(repository, children, indexTag);
        if (signed.includes("index"))
            await site.signatures(repository, signatureTagOf(digest), good(name, indexTag, digest));
        stored.push({ what: `index, signed: ${signed.join(", ") || "nothing"}`, name, digest, tag: indexTag });
    }
}, TIMEOUT);
afterAll(() => site.stop());

interface Drawn {
    readonly image: Stored;
    readonly isByTag: boolean;
    readonly architecture: string;
    readonly policies: readonly SignaturePolicy[];
}

/** Scopes that cover the image, and some that only look as if they did. */
function scopesFor({ name, digest, tag }: Stored): string[] {
    const [host = ""] = name.split("/");
    const domain = host.split(".").slice(1).join(".");
    return [
        ...[name, name, name.split("/").slice(0, -1).join("/"), host, `${name}:${tag}`, `${name}@${digest}`],
        ...[`*.${domain}`, "*.com", "quay.io", `${host}:443`, "quay.io/te", "quay.io/team/ap", `${name}/more`],
    ];
}

function drawnIdentity({ name, digest, tag }: Stored): fc.Arbitrary<SignedIdentity> {
    const names = Object.values(identities(name, tag, digest)).filter((text) => /^[a-z.:0-9]+\/[a-z/]+$/.test(text));
    return fc.oneof(
        { weight: 3, arbitrary: fc.constant<SignedIdentity>({ matchPolicy: "MatchRepoDigestOrExact" }) },
        { weight: 2, arbitrary: fc.constant<SignedIdentity>({ matchPolicy: "MatchRepository" }) },
        {
            weight: 2,
            arbitrary: fc
                .constantFrom(name, "quay.io/other/app", `${site.registry.host}/${repositoryOf(name)}`, ...names)
                .map((repository): SignedIdentity => ({
                    matchPolicy: "ExactRepository",
                    exactRepository: { repository },
                })),
        },
        {
            weight: 3,
            arbitrary: fc
                .record({
                    prefix: fc.constantFrom(
                        name,
                        name.split("/")[0] ?? "",
                        "quay.io/team",
                        "quay.io/te",
                        "example.com",
                    ),
                    signedPrefix: fc.constantFrom(
                        "vendor.example.com",
                        "quay.io/other",
                        name,
                        "index.docker.io",
                        `${site.registry.host}/mirror/${name}`,
                    ),
                })
                .map((remapIdentity): SignedIdentity => ({ matchPolicy: "RemapIdentity", remapIdentity })),
        },
    );
}

function drawnCase(image: Stored): fc.Arbitrary<Drawn> {
    const policy = fc.record({
        name: fc.constantFrom("one", "two"),
        scopes: fc.uniqueArray(fc.constantFrom(...scopesFor(image)), { minLength: 1, maxLength: 2 }),
        publicKey: fc.oneof(
            { weight: 3, arbitrary: fc.constant(KEYS.a.publicKey) },
            { weight: 1, arbitrary: fc.constantFrom(...KEY_NAMES).map((key) => KEYS[key].publicKey) },
        ),
        signedIdentity: drawnIdentity(image),
    });
    return fc.record({
        image: fc.constant(image),
        isByTag: fc.boolean(),
        architecture: fc.constantFrom("amd64", "amd64", "arm64"),
        policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
    });
}

function pulledName({ image: { name, digest, tag }, isByTag }: Drawn): SignedName {
    return isByTag ? { name, tag } : { name, digest };
}

/** Why we say that a node of this architecture refuses it; empty: it does not. */
async function ourReasons(drawn: Drawn): Promise<string[]> {
    const { image, architecture, policies } = drawn;
    const pull = {
        source: image.name,
        digest: image.digest,
        repository: repositoryOf(image.name),
        names: [pulledName(drawn)],
    };
    const { images, unread } = await checkSignatures(site.client, [pull], policies);
    expect(unread).toEqual([]);
    return (images[0]?.refusals ?? [])
        .filter(({ platform }) => platform === undefined || platform === `linux/${architecture}`)
        .map(({ reason }) => reason);
}

const registriesConf = () =>
    [...new Set(NAMES.map((name) => name.split("/")[0] ?? ""))]
        .map((host) =>
            [
                "[[registry]]",
                `location = "${host}"`,
                "blocked = true",
                "[[registry.mirror]]",
                `location = "${site.registry.host}/mirror/${host}"`,
                "",
            ].join("\n"),
        )
        .join("\n");

test(
    "what we say nodes refuse is what the image library of nodes refuses",
    async () => {
        // Every stored image in turn.
        const drawn = Array.from({ length: Math.ceil(CASES / stored.length) }, (_, round) =>
            stored.flatMap((image, at) => fc.sample(drawnCase(image), { numRuns: 1, seed: SEED + round * 1000 + at })),
        ).flat();
        const host = site.host(registriesConf(), registriesD([`${site.registry.host}/mirror`]));
        const verdicts = await askSignatureOracle(
            host,
            drawn.map((one) => {
                const { name, tag, digest } = pulledName(one);
                const reference = tag === undefined ? `${name}@${digest ?? ""}` : `${name}:${tag}`;
                return { reference, architecture: one.architecture, policy: policyJson(one.policies) };
            }),
        );
        const disagreements: object[] = [];
        for (const [at, one] of drawn.entries()) {
            const verdict: OracleVerdict = verdicts[at] ?? { accepted: false };
            const reasons = await ourReasons(one);
            if (verdict.accepted !== (reasons.length === 0)) disagreements.push({ ...one, verdict, reasons });
        }
        expect(disagreements).toEqual([]);
        // Both verdicts are common.
        const accepted = verdicts.filter((verdict) => verdict.accepted).length;
        expect(accepted).toBeGreaterThan(drawn.length / 5);
        expect(accepted).toBeLessThan((drawn.length * 4) / 5);
    },
    TIMEOUT,
);
