import { PassthroughError } from "../../errors/errors";
import type { IgnitionFile, MachineConfig } from "./rollout-objects";

/** What the machine-config operator writes: `data:text/plain;charset=utf-8;base64,…`, or percent-encoded without `base64`. */
const DATA_URL = /^data:([^,]*),(.*)$/s;

/**
 * The text of a file in a MachineConfig.
 * @returns undefined if the MachineConfig has no such file
 * @throws PassthroughError `CLUSTER_OBJECT_INVALID` for contents that are no data URL, or compressed
 */
export function readIgnitionFile(config: MachineConfig, path: string): string | undefined {
    const file = config.spec?.config?.storage?.files?.find((candidate) => candidate.path === path);
    return file === undefined ? undefined : decodeContents(file, `MachineConfig ${config.metadata.name}, file ${path}`);
}

function decodeContents({ contents }: IgnitionFile, thing: string): string {
    const match = DATA_URL.exec(contents?.source ?? "data:,");
    if (match === null || (contents?.compression ?? "") !== "") {
        throw new PassthroughError("its contents are no plain data URL", {
            code: "CLUSTER_OBJECT_INVALID",
            thing,
            fix: "read the log of the machine-config-controller, which writes this object",
        });
    }
    const [, type = "", data = ""] = match;
    return type.endsWith(";base64") ? Buffer.from(data, "base64").toString("utf8") : decodeURIComponent(data);
}
