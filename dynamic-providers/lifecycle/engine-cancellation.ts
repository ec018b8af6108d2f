import { Server } from "@grpc/grpc-js";

const CANCEL = "/pulumirpc.ResourceProvider/Cancel";

/** What the gRPC server of a provider process looks its handlers up with; its types do not have it. */
interface HandlerLookup {
    _retrieveHandler?: (this: unknown, path: string) => unknown;
}

/**
 * Calls `onCancel` when the engine asks this provider process to cancel: at the first Ctrl-C, which reaches the CLI alone,
 * since the engine puts its providers in process groups of their own. The SDK's dynamic provider (3.248) accepts that call
 * and does nothing, and offers no hook for it. Without the method that is wrapped here, the call is not seen: the engine
 * then waits for what is running, as it does for every dynamic provider.
 */
export function watchCancellation(onCancel: () => void): void {
    const prototype = Server.prototype as unknown as HandlerLookup;
    const retrieve = prototype._retrieveHandler;
    if (typeof retrieve !== "function") return;
    prototype._retrieveHandler = function (path) {
        if (path === CANCEL) onCancel();
        return retrieve.call(this, path);
    };
}
