/**
 * What the simulator records of a request.
 *
 * @since 0.1.0
 */

/**
 * A request that the server saw.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeenRequest {
  /** The HTTP method. */
  readonly method: string
  /** The path, without the query. */
  readonly path: string
  /** The query of the URL. */
  readonly query: string
  /** The status of the response; `undefined` where the connection was lost. */
  readonly status: number | undefined
  /** The text of a JSON body; `undefined` for other requests. */
  readonly body: string | undefined
  /** When the request arrived, in milliseconds since 1970 by the clock of the simulator. */
  readonly at: number
}
