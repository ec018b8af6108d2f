/**
 * A stand-in for the plugin `pulumi-resource-kubernetes`, for tests on machines without the official one. It implements
 * what this project uses: ConfigMaps, custom resources, their patches, and the provider resource. Each behaviour follows
 * pulumi-kubernetes 4.32.0 and names the file below its `provider/pkg` where it was seen; everything else is refused.
 */
import {
    Server,
    ServerCredentials,
    type UntypedServiceImplementation,
    credentials,
    type handleUnaryCall,
} from "@grpc/grpc-js";
import { version } from "@pulumi/kubernetes/package.json";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { grpcError } from "./messages";
import { Plugin } from "./plugin";

/** Bodies of catalogs and certificate bundles are larger than gRPC's default of 4 MiB. */
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const PARENT_CHECK_MS = 1000;

function emptyMessage() {
    return ResourceProviderService.cancel.requestDeserialize(Buffer.alloc(0));
}

/** A handler of one call, from a function of its request. */
function unary<Request, Response>(run: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
    return (call, callback) => {
        run(call.request).then(
            (response) => {
                callback(null, response);
            },
            (error: unknown) => {
                callback(grpcError(error));
            },
        );
    };
}

/** Lines on the row of a resource. */
function engineLog(address: string): (urn: string, text: string) => void {
    const engine = new EngineClient(address, credentials.createInsecure());
    return (urn, text) => {
        const line = new LogRequest();
        line.setSeverity(LogSeverity.WARNING);
        line.setUrn(urn);
        line.setMessage(text);
        engine.log(line, () => undefined);
    };
}

function unsupported(what: string) {
    return unary(() => Promise.reject(new Error(`the stand-in for the kubernetes plugin does not implement ${what}`)));
}

function service(plugin: Plugin): UntypedServiceImplementation {
    return {
        checkConfig: unary((request) => plugin.checkConfig(request)),
        diffConfig: unary((request) => plugin.diffConfig(request)),
        configure: unary((request) => plugin.configure(request)),
        check: unary((request) => plugin.check(request)),
        diff: unary((request) => plugin.diff(request)),
        create: unary((request) => plugin.create(request)),
        read: unary((request) => plugin.read(request)),
        update: unary((request) => plugin.update(request)),
        delete: unary(async (request) => {
            await plugin.remove(request);
            return emptyMessage();
        }),
        invoke: unsupported("functions"),
        call: unsupported("methods"),
        construct: unsupported("components"),
        getSchema: unsupported("schemas"),
        cancel: unary(() => {
            plugin.cancel();
            return Promise.resolve(emptyMessage());
        }),
        getPluginInfo: unary(() => {
            const info = new PluginInfo();
            info.setVersion(version);
            return Promise.resolve(info);
        }),
    };
}

function main(address: string | undefined): void {
    if (address === undefined) throw new Error("usage: pulumi-resource-kubernetes ENGINE-ADDRESS");
    const plugin = new Plugin(engineLog(address));
    const server = new Server({
        "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
        "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    });
    server.addService(ResourceProviderService, service(plugin));
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error !== null) throw error;
        process.stderr.write(`a stand-in for the kubernetes plugin ${version}, for tests only\n`);
        process.stdout.write(`${port}\n`);
    });
}

// The engine decides when a plugin ends; one whose engine has died ends itself.
process.on("SIGINT", () => undefined);
const parent = process.ppid;
setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
}, PARENT_CHECK_MS).unref();
main(process.argv.findLast((argument) => /:\d+$/.test(argument)));
