/**
 * Outputs that hold or describe pictures: images, videos, latents, masks, rectangles.
 *
 * **Details**
 *
 * Names are those of the server's classes with `Ink` in front; fields are camelCase. Sizes are pixels.
 *
 * @since 0.1.0
 */
import type { BoundingBoxField, FieldData, ImageField, InkOutputBase, LatentsField, OutputShape, TensorField, VideoField } from "./fields.ts"

/**
 * Rectangles in an image, in pixels. Server type `bounding_box_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkBoundingBoxCollectionOutput extends InkOutputBase<"InkBoundingBoxCollectionOutput"> {
  readonly collection: ReadonlyArray<BoundingBoxField>
}

/**
 * A rectangle in an image, in pixels. Server type `bounding_box_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkBoundingBoxOutput extends InkOutputBase<"InkBoundingBoxOutput"> {
  readonly boundingBox: BoundingBoxField
}

/**
 * The tiles that an image was divided into. Server type `calculate_image_tiles_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCalculateImageTilesOutput extends InkOutputBase<"InkCalculateImageTilesOutput"> {
  readonly tiles: ReadonlyArray<FieldData>
}

/**
 * A mask for a denoiser. Server type `denoise_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkDenoiseMaskOutput extends InkOutputBase<"InkDenoiseMaskOutput"> {
  readonly denoiseMask: FieldData
}

/**
 * A part of a video, with its first and last frame. Server type `extract_video_range_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkExtractVideoRangeOutput extends InkOutputBase<"InkExtractVideoRangeOutput"> {
  readonly videoName: string
  readonly video: VideoField
  readonly width: number
  readonly height: number
  readonly numFrames: number
  readonly fps: number
  readonly duration: number
  readonly startFrame: number
  readonly endFrame: number
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the one of
   * the nearest node upstream that has a seed; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  readonly seed: number | null
}

/**
 * An image with the mask of its faces. Server type `face_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFaceMaskOutput extends InkOutputBase<"InkFaceMaskOutput"> {
  readonly image: ImageField
  readonly width: number
  readonly height: number
  readonly mask: ImageField
}

/**
 * A face cut out of an image, its mask, and where it was, in pixels. Server type `face_off_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFaceOffOutput extends InkOutputBase<"InkFaceOffOutput"> {
  readonly image: ImageField
  readonly width: number
  readonly height: number
  readonly mask: ImageField
  readonly x: number
  readonly y: number
}

/**
 * A mask with soft edges for a denoiser, and the area that it covers as an image. Server type `gradient_mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkGradientMaskOutput extends InkOutputBase<"InkGradientMaskOutput"> {
  readonly denoiseMask: FieldData
  readonly expandedMaskArea: ImageField
}

/**
 * The size, in pixels, that suits a model best. Server type `ideal_size_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIdealSizeOutput extends InkOutputBase<"InkIdealSizeOutput"> {
  readonly width: number
  readonly height: number
}

/**
 * Several images. Server type `image_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkImageCollectionOutput extends InkOutputBase<"InkImageCollectionOutput"> {
  readonly collection: ReadonlyArray<ImageField>
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the one of
   * the nearest node upstream that has a seed; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  readonly seed: number | null
}

/**
 * The images of a batch generator. Server type `image_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkImageGeneratorOutput extends InkOutputBase<"InkImageGeneratorOutput"> {
  readonly images: ReadonlyArray<ImageField>
}

/**
 * The image a node made or handed on. `imageName` is the name on the server; `width` and `height` are pixels. `passedThrough` is true where the
 * node only handed on an image that came in (the `image` node, for one). Server type
 * `image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkImageOutput extends InkOutputBase<"InkImageOutput"> {
  readonly imageName: string
  readonly width: number
  readonly height: number
  readonly passedThrough: boolean
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the one of
   * the nearest node upstream that has a seed; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  readonly seed: number | null
}

/**
 * Where a panel lies in an image, in pixels. Server type `image_panel_coordinate_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkImagePanelCoordinateOutput extends InkOutputBase<"InkImagePanelCoordinateOutput"> {
  readonly xLeft: number
  readonly yTop: number
  readonly width: number
  readonly height: number
}

/**
 * Several latents. Server type `latents_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLatentsCollectionOutput extends InkOutputBase<"InkLatentsCollectionOutput"> {
  readonly collection: ReadonlyArray<LatentsField>
}

/**
 * Latents with the metadata of the image they decode to. See `InkLatentsOutput` for `shape`. Server type
 * `latents_meta_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLatentsMetaOutput extends InkOutputBase<"InkLatentsMetaOutput"> {
  readonly latentsName: string
  readonly latents: LatentsField
  readonly metadata: FieldData
  readonly seed: number | null
  readonly width: number
  readonly height: number
  readonly shape?: readonly [number, number, number, number]
}

/**
 * Latents, kept on the server and not downloadable. `width` and `height` are the pixels of the image they decode to. `shape` is
 * `[1, channels, height / 8, width / 8]`, absent where the number of channels of the node type is not known. Server type
 * `latents_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLatentsOutput extends InkOutputBase<"InkLatentsOutput"> {
  readonly latentsName: string
  readonly latents: LatentsField
  readonly seed: number | null
  readonly width: number
  readonly height: number
  readonly shape?: readonly [number, number, number, number]
}

/**
 * A mask as a tensor, kept on the server and not downloadable. `width` and `height` are pixels. Server type
 * `mask_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMaskOutput extends InkOutputBase<"InkMaskOutput"> {
  readonly maskName: string
  readonly mask: TensorField
  readonly width: number
  readonly height: number
}

/**
 * Noise for a denoiser, kept on the server. `width` and `height` are pixels. See `InkLatentsOutput` for `shape`. Server type
 * `noise_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkNoiseOutput extends InkOutputBase<"InkNoiseOutput"> {
  readonly latentsName: string
  readonly noise: LatentsField
  readonly seed: number | null
  readonly width: number
  readonly height: number
  readonly shape?: readonly [number, number, number, number]
}

/**
 * A tile with its image. Server type `pair_tile_image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkPairTileImageOutput extends InkOutputBase<"InkPairTileImageOutput"> {
  readonly tileWithImage: FieldData
}

/**
 * Normal, roughness and displacement maps of a texture. Server type `pbr_maps-output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkPBRMapsOutput extends InkOutputBase<"InkPBRMapsOutput"> {
  readonly normalMap: ImageField
  readonly roughnessMap: ImageField
  readonly displacementMap: ImageField
}

/**
 * Where a tile lies and how far it overlaps its neighbours, in pixels. Server type `tile_to_properties_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkTileToPropertiesOutput extends InkOutputBase<"InkTileToPropertiesOutput"> {
  readonly coordsLeft: number
  readonly coordsRight: number
  readonly coordsTop: number
  readonly coordsBottom: number
  readonly width: number
  readonly height: number
  readonly overlapTop: number
  readonly overlapBottom: number
  readonly overlapLeft: number
  readonly overlapRight: number
}

/**
 * A video. `fps` is frames per second, `duration` seconds, `width` and `height` pixels. Server type `video_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkVideoOutput extends InkOutputBase<"InkVideoOutput"> {
  readonly videoName: string
  readonly video: VideoField
  readonly width: number
  readonly height: number
  readonly numFrames: number
  readonly fps: number
  readonly duration: number
  /**
   * The seed that it was made with: pass it as `seed` (or to `Workflow.setSeed`) to make the same again. It is the one of
   * the nearest node upstream that has a seed; if that came over connections, the one that was set or drawn for it. `null`
   * if there is none, or it is unknown: always while the queue item runs.
   */
  readonly seed: number | null
}

/**
 * Any output of this family.
 *
 * @category models
 * @since 0.1.0
 */
export type MediaOutput =
  | InkBoundingBoxCollectionOutput
  | InkBoundingBoxOutput
  | InkCalculateImageTilesOutput
  | InkDenoiseMaskOutput
  | InkExtractVideoRangeOutput
  | InkFaceMaskOutput
  | InkFaceOffOutput
  | InkGradientMaskOutput
  | InkIdealSizeOutput
  | InkImageCollectionOutput
  | InkImageGeneratorOutput
  | InkImageOutput
  | InkImagePanelCoordinateOutput
  | InkLatentsCollectionOutput
  | InkLatentsMetaOutput
  | InkLatentsOutput
  | InkMaskOutput
  | InkNoiseOutput
  | InkPairTileImageOutput
  | InkPBRMapsOutput
  | InkTileToPropertiesOutput
  | InkVideoOutput

/** @internal */
export const mediaOutputShapes: Readonly<Record<string, OutputShape>> = {
  bounding_box_collection_output: ["InkBoundingBoxCollectionOutput", { collection: "box[]" }],
  bounding_box_output: ["InkBoundingBoxOutput", { bounding_box: "box" }],
  calculate_image_tiles_output: ["InkCalculateImageTilesOutput", { tiles: "object[]" }],
  denoise_mask_output: ["InkDenoiseMaskOutput", { denoise_mask: "object" }],
  extract_video_range_output: ["InkExtractVideoRangeOutput", { video: "video", width: "integer", height: "integer", num_frames: "integer", fps: "number", duration: "number", start_frame: "integer", end_frame: "integer" }],
  face_mask_output: ["InkFaceMaskOutput", { image: "image", width: "integer", height: "integer", mask: "image" }],
  face_off_output: ["InkFaceOffOutput", { image: "image", width: "integer", height: "integer", mask: "image", x: "integer", y: "integer" }],
  gradient_mask_output: ["InkGradientMaskOutput", { denoise_mask: "object", expanded_mask_area: "image" }],
  ideal_size_output: ["InkIdealSizeOutput", { width: "integer", height: "integer" }],
  image_collection_output: ["InkImageCollectionOutput", { collection: "image[]" }],
  image_generator_output: ["InkImageGeneratorOutput", { images: "image[]" }],
  image_output: ["InkImageOutput", { image: "image", width: "integer", height: "integer" }],
  image_panel_coordinate_output: ["InkImagePanelCoordinateOutput", { x_left: "integer", y_top: "integer", width: "integer", height: "integer" }],
  latents_collection_output: ["InkLatentsCollectionOutput", { collection: "latents[]" }],
  latents_meta_output: ["InkLatentsMetaOutput", { metadata: "object", latents: "latents", width: "integer", height: "integer" }],
  latents_output: ["InkLatentsOutput", { latents: "latents", width: "integer", height: "integer" }],
  mask_output: ["InkMaskOutput", { mask: "tensor", width: "integer", height: "integer" }],
  noise_output: ["InkNoiseOutput", { noise: "latents", width: "integer", height: "integer" }],
  pair_tile_image_output: ["InkPairTileImageOutput", { tile_with_image: "object" }],
  "pbr_maps-output": ["InkPBRMapsOutput", { normal_map: "image", roughness_map: "image", displacement_map: "image" }],
  tile_to_properties_output: ["InkTileToPropertiesOutput", { coords_left: "integer", coords_right: "integer", coords_top: "integer", coords_bottom: "integer", width: "integer", height: "integer", overlap_top: "integer", overlap_bottom: "integer", overlap_left: "integer", overlap_right: "integer" }],
  video_output: ["InkVideoOutput", { video: "video", width: "integer", height: "integer", num_frames: "integer", fps: "number", duration: "number" }]
}
