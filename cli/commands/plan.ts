import { EXIT_CHANGES, EXIT_OK } from "../exit-codes";
import { selectedStack } from "../stack/selected-stack";
import { runOfflinePlan } from "./plan-offline";
import { runOnlinePlan } from "./plan-online";
import { runArchiveSignatures } from "./plan-signatures";
import { printRepositories } from "./site-repositories";

export interface PlanOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly exitCode?: boolean;
    readonly authfile?: string;
    readonly offline?: boolean;
    readonly against?: readonly string[];
    readonly markdown?: boolean;
    readonly repositories?: boolean;
    readonly signatures?: boolean;
}

/** Prints what an import would do. */
export async function runPlan(options: PlanOptions): Promise<number> {
    const { json, markdown, offline, against, authfile } = options;
    const selection = { stack: selectedStack(options.stack), file: options.configFile };
    if (options.repositories === true) {
        printRepositories(selection, json ?? false);
        return EXIT_OK;
    }
    if (options.signatures === true) return runArchiveSignatures(selection, json ?? false);
    const format = markdown === true ? "markdown" : json === true ? "json" : "text";
    const outcome =
        offline === true
            ? await runOfflinePlan(selection, against, format)
            : await runOnlinePlan(selection, authfile, json ?? false);
    return outcome === "changes" ? (options.exitCode === true ? EXIT_CHANGES : EXIT_OK) : outcome;
}
