import { forbiddenSources } from "../../../lib/openshift";
import { entry, icsp, idms, itms } from "./mirror-objects";

const never = (source: string) => entry(source, [`registry.test/mirror/${source}`], "NeverContactSource");

test("a source can be forbidden if both forms of pulls have a rule for it", () => {
    const digests = idms(never("quay.io"), never("digests.test"));
    const tags = itms(never("quay.io"), never("tags.test"), entry("allowed.test", []));
    expect(forbiddenSources([digests, tags])).toEqual({ both: ["quay.io"], single: ["digests.test", "tags.test"] });
});

test("a policy for old versions forbids nothing", () => {
    expect(forbiddenSources([icsp(never("quay.io"))])).toEqual({ both: [], single: [] });
});
