import { parse as parseYaml } from "yaml";
import { computeDigest } from "../../../lib/oci/digest";
import { parseReference } from "../../../lib/oci/reference";
import {
    RENDERED_MARK,
    type ReleaseImage,
    TARGETS,
    type Target,
    contentRules,
    findRule,
    parseRegistriesConf,
    renderTargets,
    resolvePull,
} from "../../../lib/openshift";
import { DEFAULT_IDENTITY, type SignaturePolicy } from "../../../lib/signatures";

const base = { host: "registry.lab:8443", prefix: "mirror" };
const digest = computeDigest("image");
const CA = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n";
const PAYLOAD = "quay.io/openshift-release-dev/ocp-release";
const RELEASE: ReleaseImage = {
    version: "4.18.20",
    source: PAYLOAD,
    mirror: `registry.lab:8443/mirror/${PAYLOAD}@${digest}`,
};

interface Site {
    readonly sources?: readonly string[];
    readonly version?: string;
    readonly contactSource?: "allow" | "never";
    readonly releases?: readonly ReleaseImage[];
    readonly ca?: string;
    readonly plainHttp?: boolean;
    readonly signatures?: readonly SignaturePolicy[];
}

function render(target: Target, site: Site = {}) {
    const { sources = ["quay.io/team/app:1.0"], version, contactSource = "allow" } = site;
    const images = Object.fromEntries(sources.map((source) => [source, digest]));
    const { objects, registriesConf } = contentRules(base, { images }, { version, contactSource });
    return renderTargets([target], {
        objects,
        registriesConf,
        registryHost: base.host,
        plainHttp: site.plainHttp ?? false,
        ca: site.ca ?? CA,
        version,
        signatures: site.signatures ?? [],
        releases: site.releases ?? [],
    });
}

function yaml(target: Target, file: string, site: Site = {}): unknown {
    return parseYaml(render(target, site).files[`${target}/${file}`] ?? "");
}

describe("install-config.yaml", () => {
    const FILE = "install-config.mirror.yaml";
    const quay = { source: "quay.io", mirrors: ["registry.lab:8443/mirror/quay.io"] };

    it("has imageDigestSources from 4.14, imageContentSources before, and the CA", () => {
        const trust = { additionalTrustBundle: CA, additionalTrustBundlePolicy: "Always" };
        expect(yaml("install-config", FILE)).toEqual({ ...trust, imageDigestSources: [quay] });
        expect(yaml("install-config", FILE, { version: "4.14" })).toEqual({ ...trust, imageDigestSources: [quay] });
        expect(yaml("install-config", FILE, { version: "4.13.30" })).toEqual({ ...trust, imageContentSources: [quay] });
        expect(yaml("install-config", FILE, { ca: "" })).toEqual({ imageDigestSources: [quay] });
    });

    it("forbids the source from 4.21; before, a note says what conflicts with it", () => {
        const never = { ...quay, sourcePolicy: "NeverContactSource" };
        const site = { contactSource: "never" } as const;
        expect(yaml("install-config", FILE, { ...site, version: "4.21" })).toMatchObject({
            imageDigestSources: [never],
        });
        expect(render("install-config", site).notes.join()).not.toContain("image-digest-mirror");
        expect(yaml("install-config", FILE, { ...site, version: "4.20" })).toMatchObject({
            imageDigestSources: [quay],
        });
        expect(render("install-config", { ...site, version: "4.20" }).notes.join()).toContain(
            "install-config.yaml of 4.20 cannot say contactSource: never",
        );
    });

    it("names the repositories of a release in full", () => {
        const sources = [`${PAYLOAD}:4.18.20-x86_64`];
        const document = yaml("install-config", FILE, { sources, releases: [RELEASE] });
        expect(document).toMatchObject({
            imageDigestSources: [
                quay,
                { source: PAYLOAD, mirrors: [`registry.lab:8443/mirror/${PAYLOAD}`] },
                {
                    source: "quay.io/openshift-release-dev/ocp-v4.0-art-dev",
                    mirrors: ["registry.lab:8443/mirror/quay.io/openshift-release-dev/ocp-v4.0-art-dev"],
                },
            ],
        });
    });

    it("a note says that tags are not redirected yet", () => {
        expect(render("install-config").notes).toEqual([
            "install-config: an installation redirects pulls by digest only: pulls by tag from quay.io go upstream until " +
                "mirror-rules.yaml is applied to the new cluster",
        ]);
    });
});

describe("appliance-config.yaml", () => {
    const FILE = "appliance-config.mirror.yaml";

    it("takes the newest release from the mirror, and never names the image of the built-in registry", () => {
        const older = { ...RELEASE, version: "4.18.9", mirror: "registry.lab:8443/mirror/older" };
        const candidate = { ...RELEASE, version: "4.18.20-rc.1", mirror: "registry.lab:8443/mirror/candidate" };
        const releases = [RELEASE, older, candidate];
        expect(yaml("appliance", FILE, { releases })).toEqual({
            apiVersion: "v1beta1",
            kind: "ApplianceConfig",
            ocpRelease: { version: "4.18.20", url: RELEASE.mirror },
            enableDefaultSources: false,
        });
        expect(render("appliance", { releases }).notes).toContain(
            "appliance: the newest release is used; the sets also have 4.18.9, 4.18.20-rc.1",
        );
    });

    it("without a release there is no file, and a note says why", () => {
        const { files, notes } = render("appliance");
        expect(files).toEqual({});
        expect(notes.join()).toContain("needs a release image");
    });
});

describe("HostedCluster", () => {
    it("gets a merge patch and the ConfigMap that it names", () => {
        expect(yaml("hypershift", "hosted-cluster.patch.yaml")).toEqual({
            spec: {
                additionalTrustBundle: { name: "registry-passthrough-ca" },
                imageContentSources: [{ source: "quay.io", mirrors: ["registry.lab:8443/mirror/quay.io"] }],
            },
        });
        expect(yaml("hypershift", "hosted-cluster.ca.yaml")).toMatchObject({
            kind: "ConfigMap",
            metadata: { name: "registry-passthrough-ca" },
            data: { "ca-bundle.crt": CA },
        });
        expect(Object.keys(render("hypershift", { ca: "" }).files)).toEqual(["hypershift/hosted-cluster.patch.yaml"]);
    });

    it("notes say that it knows neither policy nor tags", () => {
        const notes = render("hypershift", { contactSource: "never" }).notes.join("\n");
        expect(notes).toContain("cannot say contactSource: never");
        expect(notes).toContain("redirects pulls by digest only: pulls by tag from quay.io go upstream");
    });

    it("more sources than the API takes are refused", () => {
        const sources = Array.from({ length: 256 }, (_, at) => `registry${at}.example.com/app:1`);
        expect(() => render("hypershift", { sources })).toThrow("at most 255 image content sources, not 256");
    });
});

describe.each(["podman", "microshift"] as const)("registries.conf.d for %s", (target) => {
    it("has policy.json and the places where signatures are read, if there are policies", () => {
        const policy = { name: "one", scopes: ["quay.io"], publicKey: "PEM", signedIdentity: DEFAULT_IDENTITY };
        const { files, notes } = render(target, { signatures: [policy] });
        expect(JSON.parse(files[`${target}/policy.json`] ?? "")).toMatchObject({
            transports: { docker: { "quay.io": [{ type: "sigstoreSigned" }] } },
        });
        expect(parseYaml(files[`${target}/registries.d/registry-passthrough.yaml`] ?? "")).toEqual({
            docker: { "registry.lab:8443/mirror/quay.io": { "use-sigstore-attachments": true } },
        });
        expect(notes.join()).toContain("policy.json takes the place");
        expect(Object.keys(render(target).files).filter((name) => /polic|registries\.d/.test(name))).toEqual([]);
    });

    const FILE = `${target}/registries.conf.d/999-registry-passthrough.conf`;

    it("redirects as the nodes of a cluster do, and leaves the host's search registries alone", () => {
        const { files } = render(target, { contactSource: "never" });
        const conf = parseRegistriesConf(files[FILE] ?? "", FILE);
        expect(conf["unqualified-search-registries"]).toBeUndefined();
        const pull = (name: string) =>
            resolvePull(conf, parseReference(name)).attempts.map(({ reference }) => reference);
        expect(pull("quay.io/team/app:1.0")).toEqual(["registry.lab:8443/mirror/quay.io/team/app:1.0"]);
        expect(pull(`quay.io/team/app@${digest}`)).toEqual([`registry.lab:8443/mirror/quay.io/team/app@${digest}`]);
        expect(files[`${target}/certs.d/registry.lab:8443/ca.crt`]).toBe(CA);
    });

    it("a mirror without TLS is marked", () => {
        const { files } = render(target, { plainHttp: true, ca: "" });
        const conf = parseRegistriesConf(files[FILE] ?? "", FILE);
        const mirrors = findRule(conf, "quay.io/team/app")?.mirror ?? [];
        expect(mirrors.map(({ insecure }) => insecure)).toEqual([true, true]);
        expect(Object.keys(files)).toEqual([FILE]);
    });
});

describe("hosts.toml", () => {
    const toml = (site: Site, host = "quay.io"): string => {
        const text = render("containerd", site).files[`containerd/certs.d/${host}/hosts.toml`] ?? "";
        return text.replace(/^#.*\n/gm, "");
    };

    it("asks the mirror first, and then the upstream", () => {
        expect(toml({})).toBe(
            'server = "https://quay.io"\n\n[host."https://registry.lab:8443/v2/mirror/quay.io"]\n' +
                'capabilities = [ "pull", "resolve" ]\noverride_path = true\n' +
                'ca = "/etc/containerd/certs.d/registry.lab:8443/ca.crt"\n',
        );
        expect(toml({ sources: ["docker.io/library/nginx:1"] }, "docker.io")).toContain(
            'server = "https://registry-1.docker.io"',
        );
    });

    it("never asks the upstream, in the form that containerd 1.6 and 2 read alike", () => {
        expect(toml({ contactSource: "never", ca: "" })).toBe(
            'server = "https://registry.lab:8443/v2/mirror/quay.io"\ncapabilities = [ "pull", "resolve" ]\n' +
                "override_path = true\n\n[host]\n",
        );
    });

    it("redirects digests only where the rules do", () => {
        expect(toml({ version: "4.12" })).toContain('capabilities = [ "pull" ]');
    });

    it("an upstream with a port, and a registry without TLS", () => {
        const site = { sources: ["up.example.com:5000/app:1"], plainHttp: true, ca: "" };
        expect(toml(site, "up.example.com:5000")).toContain(
            '[host."http://registry.lab:8443/v2/mirror/up.example.com-5000"]',
        );
    });
});

describe("registries.yaml of K3s and RKE2", () => {
    it("rewrites names to their place in the registry", () => {
        expect(yaml("k3s", "registries.yaml")).toEqual({
            mirrors: {
                "quay.io": {
                    endpoint: ["https://registry.lab:8443"],
                    rewrite: { "^(.*)$": "mirror/quay.io/$1" },
                },
            },
            configs: { "registry.lab:8443": { tls: { ca_file: "/etc/rancher/registry-passthrough-ca.crt" } } },
        });
        expect(render("k3s").files["k3s/registry-passthrough-ca.crt"]).toBe(CA);
    });

    it("notes name the flag for never, and hosts whose tags are redirected although the rules do not", () => {
        expect(render("k3s", { contactSource: "never" }).notes.join()).toContain("--disable-default-registry-endpoint");
        expect(render("k3s", { version: "4.12" }).notes).toEqual([
            "k3s: registries.yaml redirects pulls by tag too, also those from quay.io",
        ]);
        expect(render("k3s").notes).toEqual([]);
    });
});

describe("all targets", () => {
    it("files begin with the mark by which a later run knows them, certificates excepted", () => {
        for (const target of TARGETS) {
            const { files } = render(target, { releases: [RELEASE] });
            expect(Object.keys(files)).not.toEqual([]);
            for (const [path, content] of Object.entries(files)) {
                expect(path.startsWith(`${target}/`)).toBe(true);
                if (!path.endsWith(".crt")) expect(content.startsWith(`${RENDERED_MARK}\n`)).toBe(true);
            }
        }
    });

    it("without rules there is nothing to write", () => {
        for (const target of TARGETS) expect(render(target, { sources: [] })).toEqual({ files: {}, notes: [] });
    });
});
