import type { RegistryHostInputs, RegistryHostOutputs } from "../../../dynamic-providers/registry-host/kind";
import { registryHostProvider as provider } from "../../../dynamic-providers/registry-host/provider";
import type { RegistryContext } from "../../../dynamic-providers/registry/registry-process";
import { operationContext } from "../operation-context";

/** What the engine has the provider do in an `up`: the check first. @param state undefined: it is created */
export async function applyRegistryHost(
    state: RegistryHostOutputs | undefined,
    news: RegistryHostInputs,
    context: RegistryContext = operationContext(),
): Promise<RegistryHostOutputs> {
    const checked = (await provider.findInputs?.(state ?? {}, news, context)) ?? news;
    await provider.describeChanges?.(state ?? {}, checked, context);
    if (state !== undefined) return provider.update(state, checked, context);
    return (await provider.create(checked, context)).outs;
}

/** State after a refresh. */
export async function refreshedRegistryHost(
    state: RegistryHostOutputs,
    context: RegistryContext = operationContext(),
): Promise<RegistryHostOutputs> {
    return (await provider.read(state, context)).outs;
}
