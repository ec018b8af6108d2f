import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { type MirrorEntry, type RegistriesConf, resolvePull } from "../../lib/openshift";
import { registriesConf } from "../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import { parseReference } from "../../lib/oci/reference";

jest.setTimeout(600_000);

/** SKOPEO_SEED=… repeats, or varies, the generated pulls. */
const SEED = Number(process.env["SKOPEO_SEED"] ?? 17);
const PULLS = 240;
const MANIFEST = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}';
const DIGEST = `sha256:${"b".repeat(64)}`;
const home = mkdtempSync(join(tmpdir(), "skopeo redirection "));
const conf = join(home, "registries.conf");

/** A registry that has what lies below `hit/`; everything is on it, so that no name has to be looked up. */
const server = createServer((request, response) => {
    const isHit = request.url === "/v2/" || request.url?.startsWith("/v2/hit/") === true;
    response.writeHead(isHit ? 200 : 404, { "content-type": "application/vnd.oci.image.manifest.v1+json" });
    response.end(isHit && request.url !== "/v2/" ? MANIFEST : "{}");
});
let host: string;

beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
    server.close();
    rmSync(home, { recursive: true, force: true });
});

/** The places that skopeo asks, in their order, until one has the image. */
async function placesAsked(rules: RegistriesConf, reference: string): Promise<string[]> {
    writeFileSync(conf, formatRegistriesConf(rules));
    const args = [
        "--debug",
        "--registries-conf",
        conf,
        "inspect",
        "--raw",
        "--tls-verify=false",
        `docker://${reference}`,
    ];
    const env = { PATH: process.env.PATH, HOME: home };
    const child = spawn("skopeo", args, { env, stdio: ["ignore", "ignore", "pipe"] });
    const [log] = await Promise.all([text(child.stderr), once(child, "close")]);
    return [...log.matchAll(/Trying to access \\?"([^"\\]+)/g)].map(([, place]) => place ?? "");
}

/** What skopeo should log: every place up to the first that has the image. A blocked source is logged, then refused. */
function expectedPlaces(rules: RegistriesConf, reference: string): string[] {
    const { attempts, refused } = resolvePull(rules, parseReference(reference));
    const places = [...attempts, ...refused].map((attempt) => attempt.reference);
    const hit = places.findIndex((place) => place.startsWith(`${host}/hit/`));
    return hit === -1 ? places : places.slice(0, hit + 1);
}

test(`skopeo asks the places that resolvePull names, for ${PULLS} pulls (seed ${SEED})`, async () => {
    const source = fc.constantFrom("up", "up/acme", "up/acme/app", "other");
    const mirror = fc.constantFrom("hit/m", "hit/n", "miss/a", "miss/b");
    const entry = fc.record({ source, mirrors: fc.uniqueArray(mirror, { minLength: 1, maxLength: 2 }) });
    const entries = fc.uniqueArray(entry, { maxLength: 3, selector: (one) => one.source });
    const pull = fc.record({
        digests: entries,
        tags: entries,
        never: fc.subarray(["up", "up/acme", "other"]),
        path: fc.constantFrom("up/acme/app", "up/acme/tool", "up/x", "upper/x", "other/y/z", "none/x"),
        form: fc.constantFrom(":v1", `@${DIGEST}`),
    });
    const counts = { hits: 0, misses: 0 };
    for (const { digests, tags, never, path, form } of fc.sample(pull, { seed: SEED, numRuns: PULLS })) {
        const toEntry = (one: { source: string; mirrors: string[] }): MirrorEntry => ({
            source: `${host}/${one.source}`,
            mirrors: one.mirrors.map((location) => `${host}/${location}`),
            mirrorSourcePolicy: never.includes(one.source) ? "NeverContactSource" : "AllowContactingSource",
        });
        const apiVersion = "config.openshift.io/v1";
        const metadata = { name: "some" };
        const rules = registriesConf([
            { apiVersion, kind: "ImageDigestMirrorSet", metadata, spec: { imageDigestMirrors: digests.map(toEntry) } },
            { apiVersion, kind: "ImageTagMirrorSet", metadata, spec: { imageTagMirrors: tags.map(toEntry) } },
        ]);
        const reference = `${host}/${path}${form}`;
        const expected = expectedPlaces(rules, reference);
        expect({ rules, reference, places: await placesAsked(rules, reference) }).toEqual({
            rules,
            reference,
            places: expected,
        });
        counts[expected.at(-1)?.startsWith(`${host}/hit/`) === true ? "hits" : "misses"] += 1;
    }
    expect(Math.min(counts.hits, counts.misses)).toBeGreaterThanOrEqual(40);
});
