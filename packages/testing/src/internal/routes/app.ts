/** The app routes. */
import { reply } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"

/** `app/*`, without the OpenAPI document. */
export const app: Omit<Implementations<"app">, "openApi"> = {
  version: reply((context) => ({
    version: context.world.profile.version,
    ...(context.world.profile.minor < 9 ? { highlights: null } : {})
  }), { isPublic: true }),
  appDeps: reply((context) => ({
    invokeai: context.world.profile.version,
    torch: "2.14.1+cpu"
  })),
  runtimeConfig: reply((context) => ({
    set_fields: [],
    config: {
      schema_version: "4.0.3",
      host: "127.0.0.1",
      port: 9090,
      device: "cpu",
      max_queue_size: context.world.settings.maxQueueSize,
      node_cache_size: context.world.settings.cacheSize,
      multiuser: context.world.settings.multiUser
    }
  }), { adminOnly: true }),
  generationDeviceOptions: reply(() => [{ device: "cpu", name: "CPU" }]),
  invocationCacheStatus: reply((context) => context.world.cache.status, {
    adminOnly: true
  }),
  clearInvocationCache: reply((context) => {
    context.world.cache.clear()
    return null
  }, { adminOnly: true }),
  enableInvocationCache: reply((context) => {
    context.world.cache.enabled = true
    return null
  }, { adminOnly: true }),
  disableInvocationCache: reply((context) => {
    context.world.cache.enabled = false
    return null
  }, { adminOnly: true })
}
