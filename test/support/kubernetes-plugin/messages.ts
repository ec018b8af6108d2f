import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
    CheckFailure,
    type CheckResponse,
    CreateResponse,
    DiffResponse,
    ErrorResourceInitFailed,
    ReadResponse,
    UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { writeStruct } from "./properties";
import { type Diff, PartialFailure, type Saved } from "./resources";
import type { ConfigChanges, Failure } from "./settings";

type Any = ReturnType<Status["getDetailsList"]>[number];

/** A Status with one empty detail: the class of google.protobuf.Any is taken from it, as that of Struct is. */
const ONE_DETAIL = Uint8Array.of(0x1a, 0x00);

export function checkResponse(response: CheckResponse, failures: readonly Failure[]): CheckResponse {
    response.setFailuresList(
        failures.map(({ property, reason }) => {
            const failure = new CheckFailure();
            failure.setProperty(property);
            failure.setReason(reason);
            return failure;
        }),
    );
    return response;
}

export function configDiffResponse({ changed, replacing }: ConfigChanges): DiffResponse {
    const response = new DiffResponse();
    const { DIFF_NONE, DIFF_SOME } = DiffResponse.DiffChanges;
    response.setChanges(changed.length === 0 ? DIFF_NONE : DIFF_SOME);
    response.setDiffsList([...changed]);
    response.setReplacesList([...replacing]);
    return response;
}

export function diffResponse({ changes, replacing, deletesFirst }: Diff): DiffResponse {
    const response = configDiffResponse({ changed: [], replacing });
    const { DIFF_NONE, DIFF_SOME } = DiffResponse.DiffChanges;
    response.setChanges(changes.size === 0 ? DIFF_NONE : DIFF_SOME);
    response.setDeletebeforereplace(deletesFirst);
    response.setHasdetaileddiff(true);
    for (const [path, change] of changes) response.getDetaileddiffMap().set(path, change);
    return response;
}

export function createResponse({ id, properties }: Saved): CreateResponse {
    const response = new CreateResponse();
    response.setId(id);
    response.setProperties(writeStruct(properties));
    return response;
}

export function updateResponse({ properties }: Saved): UpdateResponse {
    const response = new UpdateResponse();
    response.setProperties(writeStruct(properties));
    return response;
}

export function readResponse({ id, properties, inputs }: Saved): ReadResponse {
    const response = new ReadResponse();
    response.setId(id);
    if (id === "") return response;
    response.setProperties(writeStruct(properties));
    if (inputs !== undefined) response.setInputs(writeStruct(inputs));
    return response;
}

/** An error as gRPC carries it; a partial failure also carries the state to keep. */
export function grpcError(error: unknown): Partial<ServiceError> {
    const message = error instanceof Error ? error.message : String(error);
    const response = { code: status.UNKNOWN, details: message };
    if (!(error instanceof PartialFailure)) return response;
    const { id, properties } = error.saved;
    const detail = new ErrorResourceInitFailed();
    detail.setId(id);
    detail.setProperties(writeStruct(properties));
    detail.setReasonsList([message]);
    const whole = Status.deserializeBinary(ONE_DETAIL);
    whole.setCode(status.UNKNOWN);
    whole.setMessage(message);
    (whole.getDetailsList()[0] as Any).pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const metadata = new Metadata();
    metadata.add("grpc-status-details-bin", Buffer.from(whole.serializeBinary()));
    return { ...response, metadata };
}
