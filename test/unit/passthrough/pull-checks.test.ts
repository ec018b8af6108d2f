import { parseMirrorBase } from "../../../lib/mirror/mirror-reference";
import { pullChecks } from "../../../lib/passthrough";
import { computeDigest } from "../../../lib/oci/digest";
import { mirrorRules } from "../../../lib/openshift/rules/create-mirror-objects";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../../lib/openshift/rules/registries-toml";

const BASE = "registry.example/mirror";
const MIRROR = parseMirrorBase(BASE);
const [one, two] = [computeDigest("one"), computeDigest("two")] as const;

function buildChecks(
    images: Record<string, string>,
    marks: Record<string, "tag-only" | "rebuilt">,
    version = "4.18.20",
) {
    const hosts = [{ host: "quay.io", tags: true, digests: Object.keys(marks).length < Object.keys(images).length }];
    const rules = mirrorRules({ base: MIRROR, hosts, contactSource: "never", clusterVersion: version });
    return pullChecks({
        mirror: MIRROR,
        images,
        marks,
        registriesConf: formatRegistriesConf(registriesConf(rules.objects, version)),
        wholeImages: 0,
    });
}

const place = (repository: string, digest: string, tag?: string) => ({
    source: expect.any(String) as string,
    digest,
    repository: `mirror/quay.io/${repository}`,
    whole: false,
    ...(tag === undefined ? {} : { tag }),
});

test("an image that lost its digest is proven by the way of its tag; no rule by digest is asked for", () => {
    const { checks, unredirected } = buildChecks({ "quay.io/org/app:1": one }, { "quay.io/org/app:1": "tag-only" });
    expect(checks).toEqual([place("org/app", one, "1")]);
    expect(unredirected).toEqual([]);
    // The same image under its own digest needs the rule that is not there.
    const lone = buildChecks({ "quay.io/org/app:1": one, "quay.io/org/b:1": two }, { "quay.io/org/app:1": "tag-only" });
    expect(lone.checks).toEqual([place("org/app", one, "1"), place("org/b", two, "1")]);
});

test("where tags are not redirected it fails; a rebuilt catalog is named at the mirror itself", () => {
    const images = { "quay.io/org/app:1": one, "quay.io/org/catalog:v4": two };
    const { checks, unredirected } = buildChecks(
        images,
        { "quay.io/org/app:1": "tag-only", "quay.io/org/catalog:v4": "rebuilt" },
        "4.12.3",
    );
    expect(checks).toEqual([place("org/catalog", two, "v4")]);
    expect(unredirected).toEqual([
        {
            source: "quay.io/org/app:1",
            problems: [
                {
                    code: "NOT_REDIRECTED",
                    problem: "no mirror rule redirects pulls of it by tag, and its upstream digest is lost",
                    fix: "mirror it with its digest: skopeo copy --all --preserve-digests docker://<image> dir:<folder>",
                },
            ],
        },
    ]);
});

test("what a later set's tag has replaced is looked for where it was put", () => {
    const key = `quay.io/org/app@${one}`;
    const { checks, unredirected } = buildChecks({ [key]: one }, { [key]: "tag-only" });
    expect(checks).toEqual([place("org/app", one, `digest-${one.slice(7)}`)]);
    expect(unredirected).toEqual([]);
});
