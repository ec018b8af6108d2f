import { UsageError } from "../../../cli/command";
import { stackOf } from "../../../cli/terminal/options";

test("the stack is the one that is named, else the environment's, else dev; never the one that Pulumi has selected", () => {
    expect(stackOf("site-a", { PULUMI_STACK: "site-b" })).toBe("site-a");
    expect(stackOf(undefined, { PULUMI_STACK: "site-b" })).toBe("site-b");
    expect(stackOf(undefined, { PULUMI_STACK: "" })).toBe("dev");
    expect(stackOf(undefined, {})).toBe("dev");
    expect(() => stackOf("", { PULUMI_STACK: "site-b" })).toThrow(UsageError);
});
