import { generateKeyPairSync } from "node:crypto";
import { formatSignatureRules } from "../../../lib/signatures";
import { imagePolicies } from "../../../lib/openshift";
import { readSite } from "../../../lib/site";
import { signingKey } from "../../support/signing-key";

const KEY = signingKey().publicKey;
const SHORT = generateKeyPairSync("rsa", { modulusLength: 1024 })
    .publicKey.export({ type: "spki", format: "pem" })
    .toString();
const FILES: Record<string, string> = { "team1.pub": KEY, "short.pub": SHORT, "other.txt": "no key" };

function read(signatures: object, more: object = {}) {
    const site = { registry: { type: "distribution", mirrorBase: "registry.lab.test/mirror" }, signatures, ...more };
    return readSite(site, undefined, {
        stack: "dev",
        now: new Date(),
        read: (path) => {
            const text = FILES[path];
            if (text === undefined) throw new Error("no such file");
            return text;
        },
    });
}

const policy = (changes: object = {}, publicKey: object = { keyFile: "team1.pub" }) => ({
    scopes: ["quay.io/team1"],
    policy: { rootOfTrust: { policyType: "PublicKey", publicKey }, ...changes },
});
const issuesOf = (signatures: object) => read(signatures).issues.map(({ key, problem }) => `${key}: ${problem}`);

test("the spec of a ClusterImagePolicy is read, with its key in a file or as it is there", () => {
    const keyData = Buffer.from(KEY).toString("base64");
    const remap = { matchPolicy: "RemapIdentity", remapIdentity: { prefix: "quay.io", signedPrefix: "a.test/x" } };
    const { site, issues } = read({ "team1.app": policy(), two: policy({ signedIdentity: remap }, { keyData }) });
    expect(issues).toEqual([]);
    expect(site?.signatures).toEqual([
        {
            name: "team1.app",
            scopes: ["quay.io/team1"],
            publicKey: KEY,
            signedIdentity: { matchPolicy: "MatchRepoDigestOrExact" },
        },
        { name: "two", scopes: ["quay.io/team1"], publicKey: KEY, signedIdentity: remap },
    ]);
});

test("what an import does about images that nodes will refuse is asked for policy by policy, and is not in state", () => {
    const { site } = read({
        warned: { ...policy(), beforePush: "warn" },
        refused: { ...policy(), beforePush: "refuse" },
    });
    expect(site?.signatures.map(({ beforePush }) => beforePush)).toEqual([undefined, "refuse"]);
    expect(formatSignatureRules({ policies: site?.signatures ?? [], local: [] })).not.toContain("beforePush");
    expect(issuesOf({ "team1.app": { ...policy(), beforePush: "stop" } })[0]).toMatch(
        /^site\.signatures\.team1\.app\.beforePush: /,
    );
});

test("a policy for namespaces is one ImagePolicy in each of them", () => {
    const { site } = read({ team1: { ...policy(), namespaces: ["prod", "test", "prod"] } });
    expect(site?.signatures.map(({ name, namespace }) => [name, namespace])).toEqual([
        ["prod/team1", "prod"],
        ["test/team1", "test"],
    ]);
    expect(imagePolicies(site?.signatures ?? []).map(({ kind, metadata }) => [kind, metadata])).toEqual([
        ["ImagePolicy", { name: "team1", namespace: "prod" }],
        ["ImagePolicy", { name: "team1", namespace: "test" }],
    ]);
    expect(issuesOf({ team1: { ...policy(), namespaces: ["No"] } })[0]).toMatch(
        /^site\.signatures\.team1\.namespaces\[0\]: /,
    );
});

test("policies that nodes or this program do not verify are refused, each by its key", () => {
    const fulcio = { scopes: ["quay.io/a"], policy: { rootOfTrust: { policyType: "FulcioCAWithRekor" } } };
    expect(
        issuesOf({
            fulcio,
            none: policy({}, {}),
            both: policy({}, { keyFile: "team1.pub", keyData: "AAAA" }),
            lost: policy({}, { keyFile: "lost.pub" }),
            text: policy({}, { keyFile: "other.txt" }),
            short: policy({}, { keyFile: "short.pub" }),
        }),
    ).toEqual([
        "site.signatures.fulcio.policy.rootOfTrust.policyType: this program does not verify signatures of FulcioCAWithRekor, so it could not say what nodes refuse",
        "site.signatures.none.policy.rootOfTrust.publicKey: it has no key",
        "site.signatures.both.policy.rootOfTrust.publicKey: keyFile and keyData are both set",
        "site.signatures.lost.policy.rootOfTrust.publicKey.keyFile: no such file",
        expect.stringMatching(/^site\.signatures\.text\..*keyFile: .*not one PEM block PUBLIC KEY/),
        expect.stringMatching(/^site\.signatures\.short\..*keyFile: .*RSA of 1024 bits/),
    ]);
});

test("scopes and names that the API would refuse are named", () => {
    const scoped = (...scopes: string[]) => ({ ...policy(), scopes });
    expect(
        issuesOf({ one: scoped("quay.io/a:1", "*.example.com", "localhost:5000/x", "nginx", "quay.io/A", "*.a/b") }),
    ).toEqual([
        expect.stringContaining('site.signatures.one.scopes[3]: "nginx" is no scope'),
        expect.stringContaining('site.signatures.one.scopes[4]: "quay.io/A" is no scope'),
        expect.stringContaining('site.signatures.one.scopes[5]: "*.a/b" is no scope'),
    ]);
    const exact = { matchPolicy: "ExactRepository" };
    expect(
        issuesOf({
            one: policy({ signedIdentity: exact }),
            two: policy({ signedIdentity: { ...exact, exactRepository: { repository: "quay.io/a:1" } } }),
            three: policy({
                signedIdentity: { matchPolicy: "MatchRepository", exactRepository: { repository: "a.test/b" } },
            }),
        }),
    ).toEqual([
        "site.signatures.one.policy.signedIdentity.exactRepository: ExactRepository needs it",
        'site.signatures.two.policy.signedIdentity.exactRepository.repository: "quay.io/a:1" is no host with a dot, with or without a path',
        "site.signatures.three.policy.signedIdentity.exactRepository: MatchRepository does not have it",
    ]);
});

test("an unknown key of a policy is named", () => {
    expect(issuesOf({ one: { ...policy(), scope: "quay.io" } })).toEqual([
        "site.signatures.one.scope: there is no such key",
    ]);
});

test("a name that no object may have is refused", () => {
    const names = ["a.b-1.c", "Team1", "a..b", "a.-b", "a".repeat(254)];
    const issues = issuesOf(Object.fromEntries(names.map((name) => [name, policy()])));
    expect(issues.map((issue) => issue.split(": ")[1])).toEqual(
        Array(4).fill("a name must be a DNS subdomain name of RFC 1123"),
    );
});

test.each([
    ["nothing is applied", {}, "it needs site.cluster.apply, which is not set"],
    ["the cluster is older", { apply: {}, version: "4.19" }, "OpenShift 4.19 has no ClusterImagePolicy v1"],
    ["nodes are not waited for", { apply: {}, rollout: { wait: false } }, "site.cluster.rollout.wait is false"],
])("policies are not for clusters where %s", (_, cluster, problem) => {
    const { issues } = read({ team1: policy() }, { cluster: { ...cluster, signaturePolicies: true } });
    expect(issues).toMatchObject([
        { key: "site.cluster.signaturePolicies", problem: expect.stringContaining(problem) as string },
    ]);
});

test("a cluster that is to get policies needs some", () => {
    const cluster = { apply: {}, version: "4.20", signaturePolicies: true };
    expect(read({}, { cluster }).issues).toMatchObject([
        { key: "site.cluster.signaturePolicies", problem: "site.signatures has no policy" },
    ]);
    expect(read({ team1: policy() }, { cluster }).issues).toEqual([]);
});
