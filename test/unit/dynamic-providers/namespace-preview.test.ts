import { RegistryProcess } from "../../../dynamic-providers/registry/registry-process";
import { registryNamespaceProvider } from "../../../dynamic-providers/registry-namespace/provider";

/** What the engine puts in place of a value that is not known before the update. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

test("a preview asks no registry whose credentials are known in the update only", async () => {
    const lines: string[] = [];
    const log = { line: (_: string, text: string) => lines.push(text) };
    const context = {
        signal: new AbortController().signal,
        log,
        process: new RegistryProcess({ followsConfiguration: false }),
    };
    const news = {
        selfUrn: "urn",
        registry: { type: "harbor", mirrorBase: "localhost:1/mirror", retrySeconds: 0, plainHttp: true },
        credentials: UNKNOWN,
        account: "admin",
        namespace: "mirror",
        adopt: true,
        onRemove: "keep",
    };
    await registryNamespaceProvider.describeChanges?.({}, news as never, context as never);
    expect(lines).toEqual([]);
});
