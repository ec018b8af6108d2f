import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, planImport } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { MemoryImageSet } from "./image-set";
import type { RegistryProcess } from "./registry-process";

/**
 * Pushes an image past the front of a registry, as somebody else.
 * @param project `own`
 * @returns its repository
 */
export async function pushDirectly({ host }: RegistryProcess, project: string, source: string): Promise<string> {
    const content = new MemoryImageSet();
    content.image(source);
    const client = new RegistryClient({ endpoint: { host, plainHttp: true } });
    const base = parseMirrorBase(`${host}/${project}`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    await executePlan(client, content, plan);
    await client.close();
    return plan.push[0]?.task.repository ?? "";
}
