import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT } from "./stack";

interface Toolbox {
    getTools: (names: string[], search: object) => Promise<Record<string, { readonly file: string }>>;
}

/**
 * The program of a tool of tools.json that `npm test` does not prepare; it is built if it is not in the cache. Give the
 * hook that calls it minutes.
 */
export async function builtTool(name: string): Promise<string> {
    const load = (file: string): Promise<unknown> => import(pathToFileURL(join(PROJECT, "tools", file)).href);
    const { getTools } = (await load("get-tools.mjs")) as Toolbox;
    const { workspace } = (await load("workspace.mjs")) as { workspace: () => { tools: string } };
    const tool = (await getTools([name], { cache: workspace().tools }))[name];
    if (tool === undefined) throw new Error(`tools/tools.json has no ${name}`);
    return tool.file;
}
