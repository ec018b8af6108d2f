import { type Command, EXIT_CHANGES, EXIT_OK, UsageError } from "../command";
import { parseOptions, refuseTogether, refuseWithout, stackOf } from "../terminal/options";
import { planOfflineOf } from "./plan-offline";
import { planOnlineOf } from "./plan-online";

const HELP = `usage: npm run -s passthrough -- plan [--stack STACK] [--json] [--exit-code] [--authfile FILE]
       npm run -s passthrough -- plan --offline [--stack STACK] [--against FILE]... [--markdown | --json] [--exit-code]

Says what an import of the stack's sets would do, and changes nothing.

Without --offline the registry is asked (with the account that pushes; nothing is sent), and the plan is exact: for each
image whether it is present, is pushed, only gets its tag, or cannot be brought; the blobs to mount and to upload; bytes.
Present means that its tag has its digest: \`verify\` looks below that, and \`npm run up\` heals what is missing there.

With --offline nobody is asked: the locks are held against what was imported last; images by name, bytes "at most".

  --stack STACK     the stack whose Pulumi.STACK.yaml is read (default: $PULUMI_STACK, else dev)
  --config-file FILE
                    its configuration, if it is in another file
  --json            one JSON object instead of text
  --exit-code       exit 3 if there is something to do
  --authfile FILE   docker-style file with the registry's account; see docs/command-line.md for where else it may be
  --offline         ask nobody
  --against FILE    what was imported last: a lock, or the JSON of \`pulumi stack output --json\` or
                    \`pulumi stack export\`; may be given several times; "none": nothing was. Without it the stack's
                    state is read with the Pulumi CLI, and if that cannot be done, nothing counts as imported
  --markdown        a comment for a pull request, below 60 kB

Exit codes: 0 a plan, 1 failed, or an image cannot be brought, 2 wrong usage, 3 (--exit-code) there is something to do,
130 interrupted.`;

const OPTIONS = {
    stack: { type: "string" },
    "config-file": { type: "string" },
    json: { type: "boolean" },
    "exit-code": { type: "boolean" },
    authfile: { type: "string" },
    offline: { type: "boolean" },
    against: { type: "string", multiple: true },
    markdown: { type: "boolean" },
} as const;

export const planCommand: Command = {
    name: "plan",
    summary: "say what an import would do: exactly, or offline",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const values = parseOptions(args, OPTIONS, HELP);
    refuseTogether(values, "markdown", "json");
    refuseTogether(values, "offline", "authfile");
    refuseWithout(values, "offline", "against", "markdown");
    const { against = [] } = values;
    if (against.length > 1 && against.includes("none")) {
        throw new UsageError("--against none and other files exclude each other");
    }
    const selection = { stack: stackOf(values.stack), file: values["config-file"] };
    const format = values.markdown === true ? "markdown" : values.json === true ? "json" : "text";
    const outcome =
        values.offline === true
            ? await planOfflineOf(selection, values.against, format)
            : await planOnlineOf(selection, values.authfile, values.json ?? false);
    return outcome === "changes" ? (values["exit-code"] === true ? EXIT_CHANGES : EXIT_OK) : outcome;
}
