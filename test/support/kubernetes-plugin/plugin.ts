import {
    type CheckRequest,
    CheckResponse,
    type ConfigureRequest,
    ConfigureResponse,
    type CreateRequest,
    type CreateResponse,
    type DeleteRequest,
    type DiffRequest,
    type DiffResponse,
    type ReadRequest,
    type ReadResponse,
    type UpdateRequest,
    type UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { Cluster } from "./cluster";
import {
    checkResponse,
    configDiffResponse,
    createResponse,
    diffResponse,
    readResponse,
    updateResponse,
} from "./messages";
import { readStruct, writeStruct } from "./properties";
import { type Access, Resources } from "./resources";
import { type Settings, findConfigChanges, findConfigFailures, readSettings } from "./settings";
import { UnsupportedError } from "./support";

/** The calls of pulumirpc.ResourceProvider; each rejects with the error that the engine shows. */
export class Plugin {
    private configured: Resources | undefined;
    private readonly cancellation = new AbortController();

    /** @param warn prints a line on a resource's row */
    constructor(private readonly warn: (urn: string, text: string) => void) {}

    async checkConfig(request: CheckRequest): Promise<CheckResponse> {
        const response = new CheckResponse();
        response.setInputs(request.getNews());
        return checkResponse(response, findConfigFailures(readStruct(request.getNews())));
    }

    async diffConfig(request: DiffRequest): Promise<DiffResponse> {
        return configDiffResponse(findConfigChanges(readStruct(request.getOlds()), readStruct(request.getNews())));
    }

    /** A cluster that cannot be reached is no error here: previews go on without it. */
    async configure(request: ConfigureRequest): Promise<ConfigureResponse> {
        const settings = readSettings(new Map(request.getVariablesMap().toArray()));
        this.configured = new Resources(settings, await findCluster(settings), {
            warn: this.warn,
            signal: this.cancellation.signal,
        });
        const response = new ConfigureResponse();
        response.setAcceptsecrets(true);
        response.setSupportspreview(true);
        return response;
    }

    async check(request: CheckRequest): Promise<CheckResponse> {
        const inputs = await this.resources.check(request.getUrn(), readStruct(request.getNews()));
        const response = new CheckResponse();
        response.setInputs(writeStruct(inputs));
        return response;
    }

    async diff(request: DiffRequest): Promise<DiffResponse> {
        refuseIgnoredChanges(request);
        const [olds, news] = [readStruct(request.getOlds()), readStruct(request.getNews())];
        return diffResponse(await this.resources.diff(request.getUrn(), olds, news));
    }

    async create(request: CreateRequest): Promise<CreateResponse> {
        const news = readStruct(request.getProperties());
        return createResponse(await this.resources.create(request.getUrn(), news, request.getPreview()));
    }

    async read(request: ReadRequest): Promise<ReadResponse> {
        const [properties, inputs] = [readStruct(request.getProperties()), readStruct(request.getInputs())];
        return readResponse(await this.resources.read(request.getUrn(), request.getId(), properties, inputs));
    }

    async update(request: UpdateRequest): Promise<UpdateResponse> {
        refuseIgnoredChanges(request);
        const [olds, news] = [readStruct(request.getOlds()), readStruct(request.getNews())];
        return updateResponse(await this.resources.update(request.getUrn(), olds, news, request.getPreview()));
    }

    async remove(request: DeleteRequest): Promise<void> {
        const properties = readStruct(request.getProperties());
        await this.resources.remove(request.getUrn(), request.getId(), properties, request.getTimeout());
    }

    /** Ends every wait. */
    cancel(): void {
        this.cancellation.abort();
    }

    private get resources(): Resources {
        if (this.configured === undefined) throw new Error("the provider is not configured");
        return this.configured;
    }
}

/** provider.go, Configure: the reason is reported with the first operation that needs the cluster. */
async function findCluster({ kubeconfig, context }: Settings): Promise<Access> {
    try {
        return { cluster: await Cluster.connect(kubeconfig, context) };
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { cluster: undefined, reason: `unable to load schema information from the API server: ${reason}` };
    }
}

function refuseIgnoredChanges(request: DiffRequest | UpdateRequest): void {
    if (request.getIgnorechangesList().length > 0) throw new UnsupportedError("the resource option ignoreChanges");
}
