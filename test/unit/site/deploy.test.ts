import { readSite, storageAccountIssues } from "../../../lib/site";
import { accountIssues } from "../../../lib/site/account-issues";
import { testAuthority } from "../../support/certificates";

const IMAGE = `bastion.example:5000/distribution@sha256:${"0123456789abcdef".repeat(4)}`;
const HOSTS = { mirrorBase: "registry.apps.example/mirror", pushHost: "push.apps.example" };

function document(changes: { registry?: object; cluster?: object; deploy?: object } = {}): object {
    return {
        registry: {
            ...{ type: "distribution", ...HOSTS, certificate: { siteCa: {} } },
            deploy: { cluster: { image: IMAGE, storage: { size: "500GiB" }, ...changes.deploy } },
            ...changes.registry,
        },
        cluster: { version: "4.18.20", apply: {}, ...changes.cluster },
    };
}

function read(site: object, files: Readonly<Record<string, string>> = {}) {
    const context = { read: (path: string) => files[path] ?? "", now: new Date(), stack: "site-a" };
    return readSite(site, undefined, context);
}
const messages = (site: object, files?: Readonly<Record<string, string>>) =>
    read(site, files).issues.map(({ key, problem, fix }) => `${key}: ${problem}; ${fix}`);

test("a registry in the site's cluster, with what it has by default", () => {
    const { site, issues } = read(document());
    expect(issues).toEqual([]);
    expect(site?.deployment).toEqual({
        ...{ cluster: "", namespace: "registry-passthrough", image: IMAGE, expose: "route", deleteContent: false },
        storage: { bytes: 500 * 2 ** 30 },
    });
});

test.each(["harbor", "quay", "mirror-registry", "jfrog"])("%s is not run in a cluster, with the reason", (type) => {
    const [issue = ""] = messages(document({ registry: { type, pushHost: undefined } }));
    expect(issue).toMatch(
        new RegExp(
            `^site\\.registry\\.deploy\\.cluster: this program does not run ${type} in a cluster: .* of its own.*; install it with`,
        ),
    );
});

test("what it needs is named by key, all at once", () => {
    const registry = { certificate: undefined, pushHost: undefined };
    expect(
        messages(document({ registry, cluster: { apply: undefined }, deploy: { image: "bastion.example/x:3" } })),
    ).toEqual([
        "site.registry.certificate: site.registry.deploy needs it, and it is not set; write certificate: {chainFile: <PEM file>} or " +
            "certificate: {siteCa: {}}",
        "site.registry.pushHost: site.registry.deploy needs it: images are pushed to an instance of their own; write host[:port] of " +
            "a second Route or node port",
        "site.registry.deploy.cluster.image: bastion.example/x:3 has no digest, so it may become another image; write " +
            "<registry>/<repository>@sha256:<digest>",
        "site.registry.deploy.cluster: it needs site.cluster.apply, which is not set; set site.cluster.apply",
    ]);
});

test.each([
    [
        { mirrorBase: "registry.apps.example:8443/mirror" },
        {},
        /^site\.registry\.mirrorBase: .* is to be a Route, which is at port 443/,
    ],
    [
        { pushHost: "registry.apps.example:443" },
        {},
        /^site\.registry\.pushHost: it has the host of site\.registry\.mirrorBase/,
    ],
    [
        { mirrorBase: "registry.mirror.svc/mirror" },
        {},
        /^site\.registry\.mirrorBase: .* is the name of a Service, which nodes do not/,
    ],
    [
        { mirrorBase: "nodes.example:443/mirror", pushHost: "nodes.example:30501" },
        { expose: "nodePort" },
        /port 443 of .* is no port/,
    ],
    [
        { mirrorBase: "one.example:30501/mirror", pushHost: "two.example:30501" },
        { expose: "nodePort" },
        /^site\.registry\.pushHost: it has the port of site\.registry\.mirrorBase/,
    ],
    [
        {},
        { image: IMAGE.replace("bastion.example:5000", "push.apps.example") },
        /image: .* is the registry that this image is to run/,
    ],
    [{}, { name: "east" }, /^site\.registry\.deploy\.cluster\.name: site\.clusters has no "east"/],
])("what cannot be is refused: %j %j", (registry, deploy, issue) => {
    expect(messages(document({ registry, deploy }))).toEqual([expect.stringMatching(issue)]);
});

describe("content in a bucket", () => {
    const s3 = { endpoint: "https://s3.example:9000/", bucket: "mirror" };
    const withBucket = (changes: object = {}, deploy: object = {}) =>
        document({ deploy: { storage: { s3: { ...s3, ...changes } }, ...deploy } });

    test("has what servers with the S3 API mostly have, by default", async () => {
        const { ca } = await testAuthority();
        const { site, issues } = read(withBucket({ ca: "s3.pem" }), { "s3.pem": ca });
        expect(issues).toEqual([]);
        expect(site?.deployment).toHaveProperty("storage", {
            s3: {
                endpoint: "https://s3.example:9000",
                bucket: "mirror",
                region: "us-east-1",
                pathStyle: true,
                ca: `${ca}\n`,
            },
        });
    });

    test.each([
        [{ storage: {} }, /storage: it says neither size nor s3; write storage: \{size: 500GiB\} or/],
        [{ storage: { size: "1GiB", s3 } }, /storage\.size: it is of a volume, and s3 is set; leave out one/],
        [{ storage: { s3: { ...s3, endpoint: "http://s3.example" } } }, /s3\.endpoint: it is no https URL/],
        [
            { storage: { s3: { ...s3, endpoint: "https://me:pw@s3.example" } } },
            /s3\.endpoint: it must not hold an account/,
        ],
        [
            { storage: { s3: { ...s3, endpoint: "https://s3.example/x" } } },
            /s3\.endpoint: it must end after host and port/,
        ],
        [{ storage: { s3: { ...s3, prefix: "/x/" } } }, /s3\.prefix: a prefix has names between slashes/],
        [{ storage: { s3: { ...s3, ca: "empty.pem" } } }, /s3\.ca: empty\.pem holds no PEM certificate/],
        [{ storage: { s3 }, deleteContent: true }, /deleteContent: this program does not delete what is in a bucket/],
    ])("what cannot be is refused: %j", (deploy, issue) => {
        expect(messages(document({ deploy }))).toEqual([expect.stringMatching(issue)]);
    });

    test("needs both secrets, which are not used without it", () => {
        const issues = (values: Record<string, string>, hasBucket: boolean) =>
            storageAccountIssues((key) => values[key], hasBucket, "site-a").map(
                ({ key, problem }) => `${key}: ${problem}`,
            );
        const is = "site.registry.deploy.cluster.storage.s3";
        expect(issues({ storageAccessKey: "a" }, true)).toEqual([`storageSecretKey: it is not set, and ${is} is`]);
        expect(issues({ storageAccessKey: "a" }, false)).toEqual([
            `storageAccessKey: ${is}, which it belongs to, is not set`,
        ]);
        expect(issues({ storageAccessKey: "a", storageSecretKey: "b" }, true)).toEqual([]);
        expect(issues({}, false)).toEqual([]);
    });
});

test("a certificate that is brought along must be for the address of pushes, too", async () => {
    const authority = await testAuthority();
    const of = async (...names: string[]) => ({ "chain.pem": (await authority.issue({ names })).certificate });
    const site = document({ registry: { certificate: { chainFile: "chain.pem" } } });
    expect(messages(site, await of("registry.apps.example"))).toEqual([
        "site.registry.certificate.chainFile: the certificate is not for push.apps.example, the host of site.registry.pushHost; " +
            "issue it again with push.apps.example in subjectAltName",
    ]);
    expect(messages(site, await of("registry.apps.example", "push.apps.example"))).toEqual([]);
    // By address: on a host, or by ports of nodes.
    const registry = { mirrorBase: "10.0.0.5:30443/mirror", pushHost: "10.0.0.6:30444" };
    const certificate = { chainFile: "chain.pem" };
    const deploy = { cluster: { image: IMAGE, storage: { size: "500GiB" }, expose: "nodePort" } };
    const byAddress = document({ registry: { ...registry, certificate, deploy } });
    expect(messages(byAddress, await of("10.0.0.5", "10.0.0.6"))).toEqual([]);
    expect(messages(byAddress, await of("10.0.0.5"))).toHaveLength(1);
});

test("accounts are those that the program makes: none is configured", () => {
    const keys: Record<string, string> = { registryUsername: "admin", pullerPassword: "x" };
    const issues = accountIssues((key) => keys[key], "distribution", "site-a", true);
    expect(issues.map(({ key }) => key)).toEqual(["registryUsername", "pullerPassword"]);
    expect(accountIssues(() => undefined, "distribution", "site-a", true)).toEqual([]);
});
