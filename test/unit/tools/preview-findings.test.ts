import { inModule } from "./script-module";

const VARIABLE = "REGISTRY_PASSTHROUGH_PREVIEW_FINDINGS";

/** The environment that a command gets, what its folder is like, and whether it is there afterwards. */
async function started(args: readonly string[], env: NodeJS.ProcessEnv = {}, fails = false) {
    const body = `
        const { existsSync, readdirSync, statSync } = await import("node:fs");
        const seen = { kept: undefined, folder: undefined };
        const run = async (env) => {
            seen.kept = env.KEPT;
            seen.place = env.${VARIABLE};
            const [, folder] = /^[\\w-]{43}:(.+)$/.exec(seen.place ?? "") ?? [];
            seen.folder = folder;
            if (folder !== undefined) seen.about = [statSync(folder).mode & 0o777, readdirSync(folder).length];
            if (input.fails) throw new Error("it failed");
            return 7;
        };
        const command = { args: input.args, env: { KEPT: "yes", ${VARIABLE}: "of another command" } };
        seen.code = await m.withPreviewFindings(command, run).catch((error) => error.message);
        return { ...seen, isLeft: seen.folder !== undefined && existsSync(seen.folder) };
    `;
    const { value, error } = await inModule("preview-findings.mjs", body, { args, fails }, env);
    expect(error).toBeUndefined();
    return value as { readonly place?: string; readonly code: unknown };
}

test.each([[["up"]], [["up", "--refresh", "--run-program"]], [["--stack", "x", "update"]]])(
    "%j has an empty private folder as long as it runs",
    async (args) => {
        expect(await started(args)).toMatchObject({ code: 7, kept: "yes", about: [0o700, 0], isLeft: false });
    },
);

test("the folder goes too when the command cannot be run, and each has a key and a folder of its own", async () => {
    const [one, other] = [await started(["up"], {}, true), await started(["up"])];
    expect(one).toMatchObject({ code: "it failed", about: [0o700, 0], isLeft: false });
    expect(one.place?.slice(0, 43)).not.toBe(other.place?.slice(0, 43));
});

test.each([["preview"], ["refresh"], ["destroy"], ["watch"], ["stack"]])(
    "%s has none, nor that of the command from which it was started",
    async (command) => {
        const seen = await started([command]);
        expect(seen).toMatchObject({ code: 7, kept: "yes", isLeft: false });
        expect(seen.place).toBeUndefined();
    },
);

test("a temporary folder that cannot be used is no reason not to run", async () => {
    const seen = await started(["up"], { TMPDIR: "/dev/null" });
    expect(seen).toMatchObject({ code: 7, kept: "yes" });
    expect(seen.place).toBeUndefined();
});
