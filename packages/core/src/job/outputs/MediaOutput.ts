/**
 * Outputs that hold or describe images: images, videos, latents, masks, rectangles.
 *
 * **Details**
 *
 * Names are the server's, with `Ink` in front; members are camelCase. Each class is a type: outputs are plain objects.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { getOwn } from "../../internal/json.ts"
import {
  field,
  hasNumbers,
  isReference,
  list,
  type Member,
  nameIn,
  number,
  object,
  output,
  seed
} from "../internal/outputs/output.ts"

/**
 * A reference to an image on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageField {
  /** Name of the image. */
  readonly image_name: string
}

/**
 * A reference to a video on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface VideoField {
  /** Name of the video. */
  readonly video_name: string
}

/**
 * A reference to latents. They stay on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface LatentsField {
  /** Name of the latents. */
  readonly latents_name: string
  /** The seed of the noise, where the server stored it. */
  readonly seed?: number | null
}

/**
 * A reference to a tensor. It stays on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface TensorField {
  /** Name of the tensor. */
  readonly tensor_name: string
}

/**
 * A rectangle in an image, in pixels, with the confidence of its detection where there is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundingBoxField {
  /** Left edge. */
  readonly x_min: number
  /** Right edge. */
  readonly x_max: number
  /** Top edge. */
  readonly y_min: number
  /** Bottom edge. */
  readonly y_max: number
  /** Confidence of the detection, 0 to 1. */
  readonly score?: number | null
}

const isImage = isReference<ImageField>("image_name")
const isVideo = isReference<VideoField>("video_name")
const isLatents = isReference<LatentsField>("latents_name")
const isTensor = isReference<TensorField>("tensor_name")
const isBoundingBox = hasNumbers<BoundingBoxField>("x_min", "x_max", "y_min", "y_max")

const mentionsImage = (value: unknown, name: string): boolean => {
  if (Array.isArray(value)) return value.some((part) => mentionsImage(part, name))
  if (!Predicate.isObject(value)) return false
  return value["image_name"] === name || Object.values(value).some((part) => mentionsImage(part, name))
}

const isPassthrough: Member<boolean> = ({ data, invocation }) => {
  const image = data["image"]
  return isImage(image) && invocation !== null && mentionsImage(invocation, image.image_name)
}

const seedIn = (fieldName: string): Member<number | null> => ({ data }) => {
  const latents = data[fieldName]
  return isLatents(latents) && typeof latents.seed === "number" ? latents.seed : null
}

/** Latent channels of the node types whose number of channels is certain. */
const latentChannels: ReadonlyMap<string, number> = new Map([
  ["denoise_latents", 4],
  ["denoise_latents_meta", 4],
  ["i2l", 4],
  ["noise", 4],
  ["flux_denoise", 16],
  ["flux_denoise_meta", 16],
  ["flux_vae_encode", 16],
  ["sd3_denoise", 16],
  ["sd3_i2l", 16],
  ["cogview4_denoise", 16],
  ["cogview4_i2l", 16]
])

const latentsShape: Member<readonly [number, number, number, number]> = ({ data, nodeType }) => {
  const channels = latentChannels.get(nodeType)
  const [width, height] = [getOwn(data, "width"), getOwn(data, "height")]
  return channels !== undefined && typeof width === "number" && typeof height === "number"
    ? [1, channels, Math.floor(height / 8), Math.floor(width / 8)]
    : undefined
}

/**
 * Rectangles in an image, in pixels. Server type `bounding_box_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkBoundingBoxCollectionOutput
  extends output("bounding_box_collection_output", "InkBoundingBoxCollectionOutput", {
    /** The rectangles, in order. */
    collection: list(isBoundingBox)
  })
{}

/**
 * A rectangle in an image, in pixels. Server type `bounding_box_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkBoundingBoxOutput extends output("bounding_box_output", "InkBoundingBoxOutput", {
  /** The rectangle, in pixels. */
  boundingBox: field(isBoundingBox)
}) {}

/**
 * The tiles that an image was divided into. Server type `calculate_image_tiles_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCalculateImageTilesOutput
  extends output("calculate_image_tiles_output", "InkCalculateImageTilesOutput", {
    /** The tiles, as the server describes them. */
    tiles: list(Predicate.isObject)
  })
{}

/**
 * A mask for a denoiser. Server type `denoise_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkDenoiseMaskOutput extends output("denoise_mask_output", "InkDenoiseMaskOutput", {
  /** The mask, for the inputs of other nodes. */
  denoiseMask: object
}) {}

/**
 * A part of a video, with its first and last frame. Server type `extract_video_range_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkExtractVideoRangeOutput extends output("extract_video_range_output", "InkExtractVideoRangeOutput", {
  /** Name of the video on the server. */
  videoName: nameIn("video", "video_name"),
  /** The video, for the inputs of other nodes. */
  video: field(isVideo),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** Number of frames. */
  numFrames: number,
  /** Frames per second. */
  fps: number,
  /** Duration, in seconds. */
  duration: number,
  /** Index of the first frame, from 0. */
  startFrame: number,
  /** Index of the last frame. */
  endFrame: number,
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the seed of
   * the nearest node upstream that has one; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  seed
}) {}

/**
 * An image with the mask of its faces. Server type `face_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFaceMaskOutput extends output("face_mask_output", "InkFaceMaskOutput", {
  /** The image. */
  image: field(isImage),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** The mask of the faces. */
  mask: field(isImage)
}) {}

/**
 * A face cut out of an image, its mask, and where it was, in pixels. Server type `face_off_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFaceOffOutput extends output("face_off_output", "InkFaceOffOutput", {
  /** The image. */
  image: field(isImage),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** The mask of the faces. */
  mask: field(isImage),
  /** Left edge of the face in the image, in pixels. */
  x: number,
  /** Top edge of the face in the image, in pixels. */
  y: number
}) {}

/**
 * A mask with soft edges for a denoiser, and the area that it covers as an image. Server type `gradient_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkGradientMaskOutput extends output("gradient_mask_output", "InkGradientMaskOutput", {
  /** The mask, for the inputs of other nodes. */
  denoiseMask: object,
  /** The area that the mask covers. */
  expandedMaskArea: field(isImage)
}) {}

/**
 * The size, in pixels, that suits a model best. Server type `ideal_size_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIdealSizeOutput extends output("ideal_size_output", "InkIdealSizeOutput", {
  /** The best width, in pixels. */
  width: number,
  /** The best height, in pixels. */
  height: number
}) {}

/**
 * Several images. Server type `image_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkImageCollectionOutput extends output("image_collection_output", "InkImageCollectionOutput", {
  /** The images, in order. */
  collection: list(isImage),
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the seed of
   * the nearest node upstream that has one; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  seed
}) {}

/**
 * The images of a batch generator. Server type `image_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkImageGeneratorOutput extends output("image_generator_output", "InkImageGeneratorOutput", {
  /** The images, in order. */
  images: list(isImage)
}) {}

/**
 * The image that a node made or passed through. Server type `image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkImageOutput extends output("image_output", "InkImageOutput", {
  /** Name of the image on the server. */
  imageName: nameIn("image", "image_name"),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** Whether the image came into the node instead of being made there, as in the `image` node. */
  isPassthrough: isPassthrough,
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the seed of
   * the nearest node upstream that has one; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  seed
}) {}

/**
 * Where a panel lies in an image, in pixels. Server type `image_panel_coordinate_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkImagePanelCoordinateOutput
  extends output("image_panel_coordinate_output", "InkImagePanelCoordinateOutput", {
    /** Left edge of the panel, in pixels. */
    xLeft: number,
    /** Top edge of the panel, in pixels. */
    yTop: number,
    /** Width, in pixels. */
    width: number,
    /** Height, in pixels. */
    height: number
  })
{}

/**
 * Several latents. Server type `latents_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLatentsCollectionOutput extends output("latents_collection_output", "InkLatentsCollectionOutput", {
  /** The latents, in order. */
  collection: list(isLatents)
}) {}

/**
 * Latents with the metadata of the image they decode to. Server type `latents_meta_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLatentsMetaOutput extends output("latents_meta_output", "InkLatentsMetaOutput", {
  /** The metadata, as the server has it. */
  metadata: object,
  /** Name of the latents on the server. */
  latentsName: nameIn("latents", "latents_name"),
  /** The latents, for the inputs of other nodes. */
  latents: field(isLatents),
  /** The seed that the server stored with the latents; `null` if there is none. */
  seed: seedIn("latents"),
  /** Width of the image that the latents decode to, in pixels. */
  width: number,
  /** Height of the image that the latents decode to, in pixels. */
  height: number
}, {
  /** `[1, channels, height / 8, width / 8]`; absent if the number of channels of the node type is unknown. */
  shape: latentsShape
}) {}

/**
 * Latents, kept on the server and not downloadable. Server type `latents_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLatentsOutput extends output("latents_output", "InkLatentsOutput", {
  /** Name of the latents on the server. */
  latentsName: nameIn("latents", "latents_name"),
  /** The latents, for the inputs of other nodes. */
  latents: field(isLatents),
  /** The seed that the server stored with the latents; `null` if there is none. */
  seed: seedIn("latents"),
  /** Width of the image that the latents decode to, in pixels. */
  width: number,
  /** Height of the image that the latents decode to, in pixels. */
  height: number
}, {
  /** `[1, channels, height / 8, width / 8]`; absent if the number of channels of the node type is unknown. */
  shape: latentsShape
}) {}

/**
 * A mask as a tensor, kept on the server and not downloadable. Server type `mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMaskOutput extends output("mask_output", "InkMaskOutput", {
  /** Name of the mask on the server. */
  maskName: nameIn("mask", "tensor_name"),
  /** The mask, for the inputs of other nodes. */
  mask: field(isTensor),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number
}) {}

/**
 * Noise for a denoiser, kept on the server. Server type `noise_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkNoiseOutput extends output("noise_output", "InkNoiseOutput", {
  /** Name of the latents on the server. */
  latentsName: nameIn("noise", "latents_name"),
  /** The noise, for the inputs of other nodes. */
  noise: field(isLatents),
  /** The seed that the server stored with the latents; `null` if there is none. */
  seed: seedIn("noise"),
  /** Width of the image that the noise is for, in pixels. */
  width: number,
  /** Height of the image that the noise is for, in pixels. */
  height: number
}, {
  /** `[1, channels, height / 8, width / 8]`; absent if the number of channels of the node type is unknown. */
  shape: latentsShape
}) {}

/**
 * A tile with its image. Server type `pair_tile_image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkPairTileImageOutput extends output("pair_tile_image_output", "InkPairTileImageOutput", {
  /** The tile and its image, as the server has them. */
  tileWithImage: object
}) {}

/**
 * Normal, roughness and displacement maps of a texture. Server type `pbr_maps-output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkPBRMapsOutput extends output("pbr_maps-output", "InkPBRMapsOutput", {
  /** The normal map. */
  normalMap: field(isImage),
  /** The roughness map. */
  roughnessMap: field(isImage),
  /** The displacement map. */
  displacementMap: field(isImage)
}) {}

/**
 * Where a tile lies and how far it overlaps its neighbors, in pixels. Server type `tile_to_properties_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkTileToPropertiesOutput extends output("tile_to_properties_output", "InkTileToPropertiesOutput", {
  /** Left edge, in pixels. */
  coordsLeft: number,
  /** Right edge, in pixels. */
  coordsRight: number,
  /** Top edge, in pixels. */
  coordsTop: number,
  /** Bottom edge, in pixels. */
  coordsBottom: number,
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** Overlap with the tile above, in pixels. */
  overlapTop: number,
  /** Overlap with the tile below, in pixels. */
  overlapBottom: number,
  /** Overlap with the tile on the left, in pixels. */
  overlapLeft: number,
  /** Overlap with the tile on the right, in pixels. */
  overlapRight: number
}) {}

/**
 * A video. Server type `video_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkVideoOutput extends output("video_output", "InkVideoOutput", {
  /** Name of the video on the server. */
  videoName: nameIn("video", "video_name"),
  /** The video, for the inputs of other nodes. */
  video: field(isVideo),
  /** Width, in pixels. */
  width: number,
  /** Height, in pixels. */
  height: number,
  /** Number of frames. */
  numFrames: number,
  /** Frames per second. */
  fps: number,
  /** Duration, in seconds. */
  duration: number,
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the seed of
   * the nearest node upstream that has one; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  seed
}) {}
