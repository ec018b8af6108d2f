import { type MirrorObject, coverage, mirrorRules, registriesConf } from "../../../lib/openshift";
import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { entry, icsp, idms, itms } from "./mirror-objects";

const BASE = parseMirrorBase("reg.test:8443/mirror");
const M = "reg.test:8443/mirror";
const D = `sha256:${"ab".repeat(32)}`;
const TAGGED = "quay.io/acme/x:1";
const BARE = `quay.io/acme/y@${D}`;
const IMAGES = { [BARE]: D, [TAGGED]: D };
const NEVER = "NeverContactSource";

const of = (objects: MirrorObject[], version?: string) => coverage(BASE, IMAGES, registriesConf(objects, version));
const reasons = (objects: MirrorObject[], version?: string) =>
    of(objects, version).uncovered.map(({ image, form, reason }) => [image, form, reason]);

describe("coverage", () => {
    test.each(["allow", "never"] as const)("is complete for the rules of the house (%s)", (contactSource) => {
        const hosts = [{ host: "quay.io", tags: true, digests: true }];
        expect(of([...mirrorRules({ base: BASE, hosts, contactSource }).objects])).toEqual({
            byDigest: [TAGGED, BARE],
            byTag: [TAGGED],
            uncovered: [],
        });
    });

    test("covers ports and docker.io by the same names as the importer", () => {
        const images = { "docker.io/library/nginx:1": D, "up.test:5000/a:1": D };
        const hosts = ["docker.io", "up.test:5000"].map((host) => ({ host, tags: true, digests: true }));
        const { objects } = mirrorRules({ base: BASE, hosts, contactSource: "never" });
        expect(coverage(BASE, images, registriesConf(objects)).byTag).toEqual(Object.keys(images));
    });

    test("says that no rule names the host", () => {
        expect(reasons([])).toEqual([
            [TAGGED, "digest", "No rule names quay.io. The pull goes upstream."],
            [TAGGED, "tag", "No rule names quay.io. The pull goes upstream."],
            [BARE, "digest", "No rule names quay.io. The pull goes upstream."],
        ]);
    });

    test("says that a lone IDMS that forbids the source makes pulls by tag fail", () => {
        expect(reasons([idms(entry("quay.io", [`${M}/quay.io`], NEVER))])).toEqual([
            [TAGGED, "tag", "Rule quay.io has no mirror for pulls by tag. The source is blocked, so the pull fails."],
        ]);
    });

    test("says that an ICSP leaves tags upstream", () => {
        expect(reasons([icsp(entry("quay.io", [`${M}/quay.io`]))], "4.12")).toEqual([
            [TAGGED, "tag", "Rule quay.io has no mirror for pulls by tag. The pull goes upstream."],
        ]);
    });

    test("says that a more specific rule hides ours", () => {
        const shadowing = idms(entry("quay.io", [`${M}/quay.io`], NEVER), entry("quay.io/acme", ["other.test/acme"]));
        expect(reasons([shadowing, itms(entry("quay.io", [`${M}/quay.io`], NEVER))])).toEqual([
            [TAGGED, "digest", "Rule quay.io/acme sends pulls by digest to other.test/acme (and hides rule quay.io), not to the mirror. Another registry serves it, if any does."],
            [TAGGED, "tag", "Rule quay.io/acme has no mirror for pulls by tag (and hides rule quay.io). The pull goes upstream."],
            [BARE, "digest", "Rule quay.io/acme sends pulls by digest to other.test/acme (and hides rule quay.io), not to the mirror. Another registry serves it, if any does."],
        ]); // prettier-ignore
    });

    test("lets another mirror come first for digests, not for tags", () => {
        const mirrors = ["first.test/q", `${M}/quay.io`];
        expect(of([idms(entry("quay.io", mirrors)), itms(entry("quay.io", mirrors))])).toEqual({
            byDigest: [TAGGED, BARE],
            byTag: [],
            uncovered: [
                {
                    image: TAGGED,
                    form: "tag",
                    reason: "Rule quay.io asks first.test/q before the mirror, and the first tag found decides.",
                },
            ],
        });
    });

    test("says that the mirror itself is blocked", () => {
        const objects = [idms(entry("quay.io", [`${M}/quay.io`]), entry("reg.test:8443", ["c.test/b"], NEVER))];
        expect(reasons(objects)[0]).toEqual([
            TAGGED,
            "digest",
            "The mirror itself is blocked by rule reg.test:8443. The pull goes upstream.",
        ]);
    });

    test("says that the runtime gives up", () => {
        const objects = [itms(entry("quay.io", ["registry/mirror"]))];
        const images = { "quay.io/a/b:1": D };
        expect(coverage(BASE, images, registriesConf(objects)).uncovered.at(-1)?.reason).toMatch(
            /refuses: registry\/mirror\/a\/b:1 is not a canonical image reference\. The pull fails\.$/,
        );
    });
});
