import {
    DEFAULT_IDENTITY,
    type SignaturePolicy,
    policiesInForce,
    policiesOf,
    policiesWithoutEffect,
    policyJson,
    registriesD,
} from "../../../lib/signatures";

const policy = (name: string, ...scopes: string[]): SignaturePolicy => ({
    name,
    scopes,
    publicKey: "PEM\n",
    signedIdentity: DEFAULT_IDENTITY,
});

test("the most specific scope decides alone; several policies of one scope apply together", () => {
    const policies = [
        policy("domain", "*.example.com"),
        policy("host", "a.example.com"),
        policy("namespace", "a.example.com/team"),
        policy("other", "a.example.com/team"),
        policy("tag", "a.example.com/team/app:1"),
    ];
    const deciding = (name: string, tag: string) => policiesOf(policies, { name, tag }).map((one) => one.name);
    expect(deciding("a.example.com/team/app", "1")).toEqual(["tag"]);
    expect(deciding("a.example.com/team/app", "2")).toEqual(["namespace", "other"]);
    expect(deciding("a.example.com/teams/app", "1")).toEqual(["host"]);
    expect(deciding("b.example.com:5000/x", "1")).toEqual(["domain"]);
    expect(deciding("example.com/x", "1")).toEqual([]);
});

test("pods of a namespace have its policies beside the cluster's, but for scopes that a ClusterImagePolicy covers", () => {
    const of = (namespace: string, ...scopes: string[]) => ({ ...policy(`${namespace}/own`, ...scopes), namespace });
    const policies = [
        policy("cluster", "quay.io/team"),
        of("a", "quay.io", "quay.io/team", "quay.io/team/app", "quay.io/x/app"),
        of("b", "quay.io/x"),
        of("c", "quay.io/team/tool"),
    ];
    const deciding = (name: string) => policiesOf(policies, { name, tag: "1" }).map((one) => one.name);
    expect(deciding("quay.io/team/app")).toEqual(["cluster"]);
    expect(deciding("quay.io/x/app")).toEqual(["a/own", "b/own"]);
    expect(deciding("quay.io/y")).toEqual(["a/own"]);
    expect(policiesInForce(policies, ["quay.io/x"]).map(({ name, scopes }) => [name, scopes])).toEqual([
        ["cluster", ["quay.io/team"]],
        ["a/own", ["quay.io"]],
    ]);
    expect(policiesWithoutEffect(policies.slice(2), [{ name: "theirs", scopes: ["*.io"] }])).toEqual(
        ["quay.io/x of ImagePolicy b/own", "quay.io/team/tool of ImagePolicy c/own"].map(
            (what) => `${what} has no effect: ClusterImagePolicy theirs covers it, and that alone counts`,
        ),
    );
    const scopes = (text: string) =>
        Object.keys((JSON.parse(text) as { transports: { docker: object } }).transports.docker);
    expect(scopes(policyJson(policies))).toEqual(["quay.io/team"]);
    expect(scopes(policyJson(policies, "a"))).toEqual(["quay.io/team", "quay.io", "quay.io/x/app"]);
});

test("policy.json has every policy of a scope, and accepts all other images", () => {
    const remapped: SignaturePolicy = {
        ...policy("two", "quay.io/team"),
        signedIdentity: { matchPolicy: "RemapIdentity", remapIdentity: { prefix: "quay.io", signedPrefix: "a.test" } },
    };
    const keyData = Buffer.from("PEM\n").toString("base64");
    expect(JSON.parse(policyJson([policy("one", "quay.io/team"), remapped]))).toEqual({
        default: [{ type: "insecureAcceptAnything" }],
        transports: {
            docker: {
                "quay.io/team": [
                    { type: "sigstoreSigned", keyData, signedIdentity: { type: "matchRepoDigestOrExact" } },
                    {
                        type: "sigstoreSigned",
                        keyData,
                        signedIdentity: { type: "remapIdentity", prefix: "quay.io", signedPrefix: "a.test" },
                    },
                ],
            },
            "docker-daemon": { "": [{ type: "insecureAcceptAnything" }] },
        },
    });
});

test("signatures are looked up where images are pulled from: at the mirror", () => {
    expect(registriesD(["b.test/mirror/quay.io", "a.test", "a.test"])).toBe(
        "docker:\n  a.test:\n    use-sigstore-attachments: true\n" +
            "  b.test/mirror/quay.io:\n    use-sigstore-attachments: true\n",
    );
});
