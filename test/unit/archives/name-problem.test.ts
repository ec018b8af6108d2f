import { namesUnresolved } from "../../../lib/archives/naming/name-problem";

test("names that a terminal would obey are told as JSON: in the list, as candidates, and as match of an override", () => {
    const digest = `sha256:${"0".repeat(64)}` as const;
    const hostile = "app\u001b[2J\n\u202e\u009b:1";
    const shown = String.raw`"app\u001b[2J\n\u202e\u009b:1"`;
    const problem = {
        name: hostile,
        digest,
        what: `also ${hostile}`,
        candidates: [hostile, "quay.io/a:1"],
        match: hostile,
    };
    const { message } = namesUnresolved("a.tar", [problem], "name it", [{ match: hostile, registry: "quay.io" }]);
    expect(message.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(message).toContain(`\n  ${shown} (${digest}): also app`);
    expect(message).toContain(`: ${shown}, quay.io/a:1\n`);
    expect(message).toContain(`override ${shown} has matched`);
    expect(message).toContain(`{match: ${shown}, registry`);
});
