import { selectedStack } from "../../../cli/stack/selected-stack";

test("the stack is the one that is named, else the environment's, else dev; never the one that Pulumi has selected", () => {
    expect(selectedStack("site-a", { PULUMI_STACK: "site-b" })).toBe("site-a");
    expect(selectedStack(undefined, { PULUMI_STACK: "site-b" })).toBe("site-b");
    expect(selectedStack(undefined, { PULUMI_STACK: "" })).toBe("dev");
    expect(selectedStack(undefined, {})).toBe("dev");
});
