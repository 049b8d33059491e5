/**
 * Objects of JSON documents.
 *
 * @since 0.1.0
 */

/**
 * A JSON object.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonObject = Readonly<Record<string, unknown>>
