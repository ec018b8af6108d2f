import { allImages, allMarks, configurationError, readSite } from "../../../lib/site";
import type { Lock } from "../../../lib/lock";
import { serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { testAuthority } from "../../support/certificates";

const NOW = new Date();
const BASE = "registry.site-a.example:8443/mirror";

/** The text of a lock with one image per source, the digest made from `seed`. */
function lock(
    sources: readonly string[],
    seed = "one",
    marks?: Lock["marks"],
    earlier: Lock["earlier"]["images"] = {},
): string {
    const digest = computeDigest(seed);
    return serialiseLock({
        lockVersion: 1,
        format: "oci-layout",
        parts: [{ name: "index.json", size: 1 }],
        images: Object.fromEntries(sources.map((source) => [source, digest])),
        ...(marks === undefined ? {} : { marks }),
        manifests: { [digest]: { mediaType: MEDIA_TYPE_OCI_MANIFEST, size: 2, blobs: [] } },
        blobs: {},
        earlier: { images: earlier, manifests: {}, blobs: {} },
        absent: [],
    });
}

function site(document: unknown, files: Readonly<Record<string, string>> = {}, defaults?: unknown) {
    const read = (path: string) => {
        const text = files[path];
        if (text === undefined)
            throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" });
        return text;
    };
    return readSite(document, defaults, { read, now: NOW, stack: "site-a" });
}

const registry = { type: "distribution", mirrorBase: BASE };
const set = (lockPath: string) => ({ archive: "a.tar", lock: lockPath });
/** "key: problem; fix" of every issue. */
const messages = (result: ReturnType<typeof readSite>) =>
    result.issues.map(({ key, problem, fix }) => `${key}: ${problem}${fix === "" ? "" : `; ${fix}`}`);

test("a site is read with its defaults under it: objects merged deeply, arrays replaced", () => {
    const defaults = {
        registry: { mirrorBase: BASE, ca: "ca.pem" },
        upstreams: ["docker.io"],
        transfer: { retrySeconds: 5 },
    };
    const document = { registry: { type: "distribution", ca: "own.pem" }, upstreams: ["quay.io"] };
    const { site: read, issues } = site(document, { "own.pem": "no certificate" }, defaults);
    expect(read).toBeUndefined();
    expect(issues.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([
        "site.registry.ca: own.pem holds no PEM certificate",
    ]);
    const good = site({ ...document, registry }, {}, { ...defaults, registry: { mirrorBase: BASE } });
    expect(good.site).toMatchObject({
        registry: { mirrorBase: BASE, retrySeconds: 5 },
        upstreams: ["quay.io"],
        concurrency: 32,
        clusters: [{ name: "", contactSource: "allow" }],
        onRemove: "keep",
    });
});

test("a proxy is a URL without an account, or the environment; no message quotes it", () => {
    const read = (proxy: string) => messages(site({ registry: { ...registry, proxy } }));
    for (const proxy of ["environment", "http://proxy.example:3128", "https://proxy.example/"])
        expect(read(proxy)).toEqual([]);
    for (const [proxy, problem] of [
        ["http://user:canary@proxy.example:3128", "it must not hold an account: this file is not encrypted"],
        ["socks5://canary", "it is not the URL of an HTTP proxy"],
        ["canary:3128", "it is not the URL of an HTTP proxy"],
        ["http://proxy.example/canary", "it must end after host and port"],
    ] as const) {
        const [line, ...more] = read(proxy);
        expect(line).toContain(`site.registry.proxy: ${problem}; write http://<host>:<port>`);
        expect(more).toEqual([]);
        expect(line).not.toContain("canary");
    }
    const plain = { type: "distribution", mirrorBase: "localhost:5000/mirror", plainHttp: true, proxy: "environment" };
    expect(messages(site({ registry: plain }))).toEqual([expect.stringContaining("site.registry.proxy: plain HTTP")]);
});

test("a required key that is absent is reported as missing, not as a wrong type", () => {
    expect(messages(site({ registry: { type: "distribution" } }))).toEqual([
        "site.registry.mirrorBase: it is missing; write host[:port]/path, as in registry.site-a.example:8443/mirror",
    ]);
});

test("a typo is reported at every level, with the keys that exist, and hides no other issue", () => {
    const document = {
        registry: { ...registry, cert: "x", ca: "gone.pem" },
        content: [{ ...set("a.json"), over: [] }],
        clutser: {},
        transfer: { concurrency: 0 },
    };
    expect(messages(site(document))).toEqual([
        "site.registry.cert: there is no such key; use one of: type, mirrorBase, pushHost, ca, certificate, clientCertificate, proxy, plainHttp, deploy, adopt, quota",
        "site.content[0].over: there is no such key; use one of: archive, lock, overrides, exclude, at",
        expect.stringMatching(/^site\.transfer\.concurrency: .*write a whole number from 1 to 64$/) as string,
        expect.stringMatching(
            /^site\.clutser: there is no such key; write cluster, or use one of: registry, upstreams, content/,
        ) as string,
        expect.stringMatching(/^site\.registry\.ca: ENOENT.*; give the PEM file of the CA/) as string,
        expect.stringMatching(/^site\.content\[0\]\.lock: cannot read the lock file: ENOENT/) as string,
    ]);
});

test("a missing key is reported by its name; an invalid list of hosts causes no further issues", () => {
    expect(messages(site({ registry: { type: "nexus" } }))).toEqual([
        expect.stringMatching(/^site\.registry\.type: .*distribution/) as string,
        expect.stringMatching(/^site\.registry\.mirrorBase: /) as string,
    ]);
    const files = { "a.json": lock(["ghcr.io/org/app:1"]) };
    expect(messages(site({ registry, upstreams: "ghcr.io", content: [set("a.json")] }, files))).toEqual([
        expect.stringMatching(/^site\.upstreams: /) as string,
    ]);
    expect(messages(site(undefined))).toEqual([expect.stringMatching(/^site\.registry: /) as string]);
});

test.each([
    ["broken JSON", '{"lockVersion": 1,', "not a lock: not JSON"],
    ["conflict markers", "<<<<<<< HEAD\n{}", "not a lock: not JSON"],
    ["another version", '{"lockVersion": 2}', "lock version 2 is not known here"],
    ["missing parts", '{"lockVersion": 1}', "not a lock"],
])("a lock with %s is reported, with the command that creates a valid one", (_, text, problem) => {
    const lines = messages(site({ registry, content: [set("a.json")] }, { "a.json": text }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`site.content[0].lock: a.json: ${problem}`);
    expect(lines[0]).toContain("npm run -s passthrough -- lock");
});

test("an expired CA, a host that is no registry, and content of a host that is not listed are reported together", async () => {
    const document = {
        registry: { ...registry, ca: "ca.pem" },
        upstreams: ["quay.io", "sso.redhat.com"],
        content: [set("a.json")],
    };
    const files = {
        "ca.pem": (await testAuthority("Old CA", { daysLeft: -1 })).ca,
        "a.json": lock(["ghcr.io/org/app:1"]),
    };
    expect(messages(site(document, files))).toEqual([
        expect.stringMatching(/^site\.registry\.ca: the certificate CN=Old CA in ca\.pem expired on /) as string,
        expect.stringMatching(
            /^site\.upstreams\[1\]: sso\.redhat\.com is a login service, not a registry; leave it out/,
        ) as string,
        "site.upstreams: a.json has images of ghcr.io, which is not listed; add ghcr.io to the list if its images are wanted here",
    ]);
});

test("names that are too long and hosts that map to one place are reported before anything runs", () => {
    const long = `quay.io/${"a".repeat(120)}/${"b".repeat(120)}:1`;
    const document = {
        registry,
        upstreams: ["quay.io", "up.example:5000", "up.example-5000"],
        content: [set("a.json")],
    };
    const files = { "a.json": lock([long, "up.example:5000/x:1", "up.example-5000/x:1"]) };
    const lines = messages(site(document, files));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
        /^site\.content\[0\]\.lock: image quay\.io\/a+.*at most 255 are allowed; shorten the mirror base/,
    );
    expect(lines[1]).toMatch(/^site\.content: up\.example-5000 and up\.example:5000 would both be stored at /);
});

test("plain HTTP is for loopback; a version must be valid; locks must exist, be valid, and have different names", () => {
    const document = {
        registry: { ...registry, plainHttp: true },
        cluster: { version: "latest" },
        content: [set("x/a.json"), set("y/a.json"), set("c.json")],
    };
    const lines = messages(
        site(document, { "y/a.json": lock(["quay.io/org/app:1"]), "c.json": '{"lockVersion": 99}' }),
    );
    expect(lines).toEqual([
        expect.stringMatching(
            /^site\.content\[0\]\.lock: cannot read the lock file: ENOENT.*lock --stack site-a$/,
        ) as string,
        expect.stringContaining("site.content[2].lock: ") as string,
        "site.content[1].lock: two entries have a lock called a; give each set a lock file with a name of its own",
        expect.stringContaining("site.cluster.version: ") as string,
        expect.stringContaining("site.registry.plainHttp: plain HTTP is for loopback only") as string,
    ]);
    const loopback = { type: "distribution", mirrorBase: "localhost:5000/mirror", plainHttp: true };
    expect(site({ registry: loopback }).issues).toEqual([]);
    const upper = site({ registry: { ...loopback, mirrorBase: "LOCALHOST:5000/mirror" } });
    expect(upper.issues).toEqual([]);
    expect(upper.site?.registry.mirrorBase).toBe("localhost:5000/mirror");
});

test("the address for pushes is a host of its own, in lower case; plain HTTP is for loopback there, too", () => {
    const read = (pushHost: string, more: object = {}) => site({ registry: { ...registry, pushHost, ...more } });
    const good = read("Push.site-a.example:8443");
    expect([good.issues, good.site?.registry.pushHost]).toEqual([[], "push.site-a.example:8443"]);
    expect(messages(read("registry.site-a.example:8443"))).toEqual([
        "site.registry.pushHost: registry.site-a.example:8443 is the host of site.registry.mirrorBase; leave it out, or name " +
            "the instance that takes pushes",
    ]);
    expect(messages(read("push.site-a.example/mirror"))).toEqual([
        'site.registry.pushHost: "push.site-a.example/mirror" is not a host[:port]; write host[:port], as in ' +
            "push.registry.site-a.example:8443",
    ]);
    const plain = { mirrorBase: "localhost:5000/mirror", plainHttp: true };
    expect(messages(read("push.site-a.example", plain))).toEqual([
        "site.registry.plainHttp: plain HTTP is for loopback only, and push.site-a.example is not; serve the registry with TLS " +
            "and give its CA",
    ]);
});

test("where nothing but lock files is wrong, the error has their code: who brings them is another one", () => {
    const content = [set("a.json"), set("b.json")];
    const code = (document: object, files: Readonly<Record<string, string>>) =>
        configurationError(site(document, files).issues).code;
    const good = lock(["quay.io/org/app:1"]);
    expect(code({ registry, content }, { "a.json": "{", "b.json": good })).toBe("LOCK_INVALID");
    expect(code({ registry, content }, { "a.json": good })).toBe("LOCK_NOT_FOUND");
    expect(code({ registry, content, upstreams: "quay.io" }, { "b.json": good })).toBe("CONFIG_INVALID");
    expect(
        code({ registry, content: [set("x/a.json"), set("y/a.json")] }, { "x/a.json": good, "y/a.json": good }),
    ).toBe("CONFIG_INVALID");
});

test("a tag that upstream moved to an image of an earlier set is set by the set that has it", () => {
    const [one, two] = [computeDigest("one"), computeDigest("two")];
    const files = {
        "1.lock.json": lock(["quay.io/org/app:1"]),
        "2.lock.json": lock(["quay.io/org/app:2"], "two"),
        "3.lock.json": lock([], "three", undefined, { "quay.io/org/app:1": two, "quay.io/org/app:2": two }),
    };
    const { site: read } = site({ registry, content: Object.keys(files).map(set) }, files);
    expect(read?.content.map(({ images }) => images)).toEqual([
        { [`quay.io/org/app@${one}`]: one },
        { "quay.io/org/app:2": two },
        { "quay.io/org/app:1": two },
    ]);
    expect(read?.content[2]?.earlier).toEqual({ "quay.io/org/app:2": two });
    expect(read?.content[0]?.superseded).toEqual(["quay.io/org/app:1"]);
});

test("a later set has the tag; the earlier one's image is kept by its digest", () => {
    const files = {
        "a.json": lock(["quay.io/org/app:1", "quay.io/org/b:1"]),
        "b.json": lock(["quay.io/org/app:1"], "two"),
    };
    const { site: read } = site({ registry, content: [set("a.json"), set("b.json")] }, files);
    const [first, second] = read?.content ?? [];
    expect(first?.superseded).toEqual(["quay.io/org/app:1"]);
    expect(Object.keys(first?.images ?? {})).toEqual([`quay.io/org/app@${computeDigest("one")}`, "quay.io/org/b:1"]);
    expect(second?.images).toEqual({ "quay.io/org/app:1": computeDigest("two") });
    expect(allImages(read?.content ?? [])).toEqual({ ...first?.images, ...second?.images });
});

test("the same image in two sets is one image", () => {
    const files = { "a.json": lock(["quay.io/org/app:1"]), "b.json": lock(["quay.io/org/app:1", "quay.io/org/b:1"]) };
    const { site: read } = site({ registry, content: [set("a.json"), set("b.json")] }, files);
    const content = read?.content ?? [];
    expect(content.map(({ superseded }) => superseded)).toEqual([[], []]);
    expect(Object.keys(allImages(content))).toEqual(["quay.io/org/app:1", "quay.io/org/b:1"]);
});

test("an image of an update graph has no upstream that would have to be listed; others of its host have", () => {
    const graph = "localhost/openshift/graph-image:latest";
    const cluster = { catalogs: [], releases: {}, signatures: {}, graphImage: graph };
    const withGraph = (sources: readonly string[]): string =>
        serialiseLock({ ...(JSON.parse(lock(sources)) as Lock), cluster });
    const document = { registry, content: [set("a.json")] };
    const { site: read, issues } = site(document, { "a.json": withGraph([graph]) });
    expect(issues).toEqual([]);
    expect(read?.content[0]?.cluster).toEqual(cluster);
    expect(messages(site(document, { "a.json": withGraph([graph, "localhost/org/app:1"]) }))).toEqual([
        expect.stringContaining("a.json has images of localhost, which is not listed"),
    ]);
});

test("a platform that one set leaves out must be present where another set has it", () => {
    const [amd, arm, index, other] = ["amd", "arm", "index", "other"].map((name) => computeDigest(name));
    if (amd === undefined || arm === undefined || index === undefined || other === undefined) throw new Error("four");
    const image = { mediaType: MEDIA_TYPE_OCI_MANIFEST, size: 2, blobs: [] };
    const ofIndex = { mediaType: MEDIA_TYPE_OCI_INDEX, size: 2 };
    const sparse = { [amd]: image, [index]: { ...ofIndex, manifests: [amd], absent: [arm] } };
    const whole = { [amd]: image, [arm]: image, [index]: { ...ofIndex, manifests: [amd, arm] } };
    const outer = { [other]: { ...ofIndex, manifests: [index] }, ...sparse };
    const [app, tool] = ["quay.io/org/app:1", "quay.io/org/tool:1"];
    const leftOut = (...locks: Partial<Lock>[]) => {
        const files = Object.fromEntries(
            locks.map((own, i) => [`${i}.json`, serialiseLock({ ...(JSON.parse(lock([])) as Lock), ...own })]),
        );
        const { site: read, issues } = site({ registry, content: Object.keys(files).map(set) }, files);
        expect(issues).toEqual([]);
        return read?.content.map((content) => content.leftOut);
    };
    const alone = { images: { [app]: index }, manifests: sparse };
    expect(leftOut(alone)).toEqual([[arm]]);
    expect(leftOut(alone, { images: { [tool]: other }, manifests: outer })).toEqual([[arm], [arm]]);
    // Another image has it: only those that leave it out are excused.
    expect(leftOut(alone, { images: { [tool]: index }, manifests: whole })).toEqual([[`${app} ${arm}`], []]);
    const nested = { images: { [tool]: other }, manifests: outer };
    expect(leftOut(nested, { images: { [app]: index }, manifests: whole })).toEqual([[`${tool} ${arm}`], []]);
    const from = { images: {}, manifests: { [arm]: { size: 2, from: ["quay.io/org/tool"] } }, blobs: {} };
    const brings = { [amd]: image, [index]: { ...ofIndex, manifests: [amd, arm] } };
    const later = { images: { [tool]: index }, manifests: brings, earlier: from };
    expect(leftOut(alone, later)).toEqual([[`${app} ${arm}`], []]);
    // The image itself came whole.
    expect(leftOut(alone, { images: { [app]: index }, manifests: whole })).toEqual([[], []]);
});

test("the mark of an image is that of the set that contains it", () => {
    const [app, tool] = ["quay.io/org/app:1", "quay.io/org/tool:1"] as const;
    const files = {
        "one.json": lock([app, tool], "one", { [app]: "tag-only", [tool]: "rebuilt" }),
        "two.json": lock([app], "two"),
    };
    const read = site({ registry, content: [set("one.json"), set("two.json")] }, files).site;
    // The earlier image of the tag is kept for what builds on it; it is still not upstream's.
    expect(allMarks(read?.content ?? [])).toEqual({
        [tool]: "rebuilt",
        [`quay.io/org/app@${computeDigest("one")}`]: "tag-only",
    });
});

test("an image that lost its digest is rejected where a cluster redirects by digest only", () => {
    const files = { "one.json": lock(["quay.io/org/app:1"], "one", { "quay.io/org/app:1": "tag-only" }) };
    const document = (version: string) => ({ registry, content: [set("one.json")], cluster: { version } });
    expect(site(document("4.13"), files).issues).toEqual([]);
    expect(messages(site(document("4.12"), files))).toEqual([
        expect.stringMatching(
            /^site\.content: OpenShift 4\.12 redirects pulls by digest only, .*quay\.io\/org\/app:1; archive them/,
        ) as string,
    ]);
});

test("rules that would forbid the mirror itself are reported before anything runs", () => {
    const document = {
        registry: { ...registry, mirrorBase: "quay.io:8443/mirror" },
        content: [set("a.json")],
        cluster: { contactSource: "never" },
    };
    expect(messages(site(document, { "a.json": lock(["quay.io/org/app:1"]) }))).toEqual([
        expect.stringMatching(/^site\.cluster\.contactSource: .*forbidding quay\.io forbids the mirror/) as string,
    ]);
});
