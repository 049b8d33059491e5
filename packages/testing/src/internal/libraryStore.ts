/** The workflow library, style presets and system prompts of the simulated server. */
import * as Predicate from "effect/Predicate"
import type { ServerProfile } from "../ServerProfile.ts"
import * as SimulatorTime from "./simulatorTime.ts"

/** A saved workflow. */
export interface StoredWorkflow {
  readonly id: string
  readonly userId: string
  readonly createdAt: number
  workflow: Readonly<Record<string, unknown>>
  updatedAt: number
  openedAt: number | null
  isPublic: boolean
  thumbnail: Uint8Array<ArrayBuffer> | undefined
  thumbnailVersion: string | undefined
}

/** A saved style preset or system prompt, as the routes return it. */
type StoredPreset = Readonly<Record<string, unknown>>

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/** The category of a saved workflow: `user` or `default`. */
export const categoryOf = (record: StoredWorkflow): string => {
  const meta = record.workflow["meta"]
  return Predicate.isObject(meta) ? textOf(meta["category"]) : ""
}

/** Whether another workflow can call a saved one. */
export const isCallable = (record: StoredWorkflow): boolean => compatibility(record)["is_callable"] === true

const compatibility = (record: StoredWorkflow): Readonly<Record<string, unknown>> => {
  const nodes = record.workflow["nodes"]
  const returns =
    (Array.isArray(nodes) ? nodes : []).filter((node) =>
      Predicate.isObject(node) && Predicate.isObject(node["data"]) &&
      node["data"]["type"] === "workflow_return"
    ).length
  if (returns === 1) return { is_callable: true, reason: "ok", message: null }
  return {
    is_callable: false,
    reason: returns === 0 ? "missing_workflow_return" : "multiple_workflow_return",
    message: "The workflow must contain exactly one workflow_return node."
  }
}

/** All saved workflows and presets. */
export class LibraryStore {
  private readonly profile: ServerProfile
  readonly workflows = new Map<string, StoredWorkflow>()
  readonly stylePresets = new Map<string, StoredPreset>()
  readonly systemPrompts = new Map<string, StoredPreset>()

  constructor(profile: ServerProfile) {
    this.profile = profile
  }

  /** Saves a workflow under an id. */
  add(
    options: Pick<StoredWorkflow, "id" | "userId" | "workflow" | "isPublic">,
    now: number
  ): StoredWorkflow {
    const record: StoredWorkflow = {
      ...options,
      workflow: { ...options.workflow, id: options.id },
      createdAt: now,
      updatedAt: now,
      openedAt: null,
      thumbnail: undefined,
      thumbnailVersion: undefined
    }
    this.workflows.set(record.id, record)
    return record
  }

  private head(record: StoredWorkflow): Readonly<Record<string, unknown>> {
    const { minor } = this.profile
    return {
      workflow_id: record.id,
      name: textOf(record.workflow["name"]),
      created_at: SimulatorTime.format(record.createdAt),
      updated_at: SimulatorTime.format(record.updatedAt),
      opened_at: record.openedAt === null ? null : SimulatorTime.format(record.openedAt),
      ...(minor >= 12 ? { user_id: record.userId, is_public: record.isPublic } : {}),
      ...(minor < 9 ? { is_published: null } : {})
    }
  }

  private extras(record: StoredWorkflow): Readonly<Record<string, unknown>> {
    return {
      thumbnail_url: record.thumbnail === undefined
        ? null
        : `api/v1/workflows/i/${record.id}/thumbnail?${record.thumbnailVersion ?? ""}`,
      ...(this.profile.minor >= 14 ? { call_saved_workflow_compatibility: compatibility(record) } : {})
    }
  }

  /** The record as changes return it. */
  toRecord(record: StoredWorkflow): Readonly<Record<string, unknown>> {
    return { ...this.head(record), workflow: record.workflow }
  }

  /** The record as reads return it. */
  toDetail(record: StoredWorkflow): Readonly<Record<string, unknown>> {
    return { ...this.toRecord(record), ...this.extras(record) }
  }

  /** The record as lists show it, without nodes. */
  toListItem(record: StoredWorkflow): Readonly<Record<string, unknown>> {
    return {
      ...this.head(record),
      description: textOf(record.workflow["description"]),
      category: categoryOf(record),
      tags: textOf(record.workflow["tags"]),
      ...this.extras(record)
    }
  }
}
