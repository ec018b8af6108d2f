import { accountKeys, siteKeys } from "../../../lib/site";

const keys = siteKeys();
const key = (name: string) => keys.find((known) => known.key === name);

test("every key has a description, and every optional one that holds a value its default", () => {
    expect(keys.filter(({ description }) => description === "")).toEqual([]);
    const groups = ["", "registry", "cluster", "transfer", "validation", "robots", "robots.importer", "robots.puller"];
    groups.push(
        "registry.clientCertificate",
        "registry.certificate",
        "registry.certificate.acme",
        "registry.certificate.siteCa",
        "registry.deploy",
        "registry.deploy.host",
        "registry.deploy.cluster",
        "registry.deploy.cluster.storage",
        "registry.deploy.cluster.storage.s3",
        "registry.deploy.installer",
        "networkAccess",
        "networkAccess.egress",
        "networkAccess.inCluster",
    );
    groups.push("content[].at", "content[].at.cluster", "content[].at.host");
    groups.push("signatures.<name>.policy", "signatures.<name>.policy.rootOfTrust");
    const values = keys.filter((known) => !groups.includes(known.key));
    expect(values.filter((known) => !known.isRequired && known.defaultText === undefined)).toEqual([]);
    expect(values.filter((known) => known.isRequired).map((known) => known.key)).toEqual([
        "registry.type",
        "registry.mirrorBase",
        "registry.certificate.acme.directory",
        "registry.clientCertificate.certificateFile",
        "registry.deploy.host.address",
        "registry.deploy.host.hostKey",
        "registry.deploy.cluster.image",
        "registry.deploy.cluster.storage.s3.endpoint",
        "registry.deploy.cluster.storage.s3.bucket",
        "registry.deploy.installer.host",
        "registry.deploy.installer.host.address",
        "registry.deploy.installer.host.hostKey",
        "registry.deploy.installer.version",
        "registry.deploy.installer.sha256",
        "content[].archive",
        "content[].lock",
        "content[].overrides[].match",
        "content[].overrides[].registry",
        "content[].at.cluster.namespace",
        "content[].at.cluster.claim",
        "content[].at.host.address",
        "content[].at.host.hostKey",
        "signatures.<name>.scopes",
        "signatures.<name>.policy.rootOfTrust.policyType",
        "signatures.<name>.policy.signedIdentity.matchPolicy",
        "signatures.<name>.policy.signedIdentity.exactRepository.repository",
        "signatures.<name>.policy.signedIdentity.remapIdentity.prefix",
        "signatures.<name>.policy.signedIdentity.remapIdentity.signedPrefix",
        "networkAccess.nodes",
        "networkAccess.egress.namespaces",
        "networkAccess.egress.apiServers",
        "networkAccess.inCluster.namespace",
        "networkAccess.inCluster.podLabels",
        "networkAccess.inCluster.port",
    ]);
});

test("every key says what to write in its place, and has an example unless it is secret", () => {
    const values = [...keys, ...accountKeys()].filter(({ isGroup }) => !isGroup);
    expect(values.filter(({ fix }) => fix === undefined).map((known) => known.key)).toEqual([]);
    expect(values.filter(({ example, isSecret }) => isSecret === (example !== undefined))).toEqual([]);
    expect(values.filter(({ typeText, values: listed }) => typeText === undefined && listed === undefined)).toEqual([]);
});

test("keys are listed with what the documentation and the messages show", () => {
    expect(keys.map((known) => known.key)).toEqual(expect.arrayContaining(["", "registry", "robots.puller.overlap"]));
    expect(key("registry.mirrorBase")).toEqual({
        key: "registry.mirrorBase",
        description: expect.stringContaining("<mirrorBase>/<upstream-host>/<path>") as string,
        isRequired: true,
        example: "registry.site-a.example:8443/mirror",
        fix: "write host[:port]/path, as in registry.site-a.example:8443/mirror",
        typeText: "text",
        isGroup: false,
        isSecret: false,
    });
    expect(key("onRemove")).toMatchObject({ values: ["keep", "delete"], defaultText: "keep" });
    expect(key("transfer.concurrency")?.defaultText).toBe("32");
    expect(key("robots.puller.maxAge")?.defaultText).toBe("90d");
    expect(key("upstreams")).toMatchObject({ typeText: "list of texts", example: ["quay.io", "registry.redhat.io"] });
    expect(key("transfer.requests")?.typeText).toBe("whole number from 1 to 256");
    expect(key("content[].archive")?.typeText).toBe("text, or a list of texts");
    expect(key("robots.puller.overlap")?.typeText).toBe("number of days with a d, from 0d to 3650d");
});

test("flat keys are listed too, and which of them are secret", () => {
    expect(accountKeys().map((known) => [known.key, known.isSecret])).toEqual([
        ["registryUsername", false],
        ["registryPassword", true],
        ["registryToken", true],
        ["superuserPassword", true],
        ["pullerUsername", false],
        ["pullerPassword", true],
        ["clientKey", true],
        ["registryCertificateKey", true],
        ["acmeMacKey", true],
        ["storageAccessKey", true],
        ["storageSecretKey", true],
        ["hostPrivateKey", true],
        ["hostPassphrase", true],
        ["kubeconfig", true],
        ["proxyUsername", false],
        ["proxyPassword", true],
    ]);
});
