"""Names of images and signals."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.image_resize": {
        "image": "resize resize_with_pad ResizeMethod",
    },
    "graphtf.api.image_color": {
        "image": "convert_image_dtype rgb_to_grayscale grayscale_to_rgb rgb_to_hsv hsv_to_rgb",
    },
    "graphtf.api.image_parts": {
        "image": "crop_to_bounding_box pad_to_bounding_box extract_patches sobel_edges image_gradients total_variation",
    },
    "graphtf.api.image_drawing": {
        "image": "draw_bounding_boxes extract_glimpse",
    },
    "graphtf.api.image_suppression": {
        "image": "combined_non_max_suppression non_max_suppression_overlaps non_max_suppression_padded "
        "non_max_suppression_with_scores",
    },
    "graphtf.api.image_quality": {
        "image": "ssim ssim_multiscale",
    },
    "graphtf.api.mdct": {
        "signal": "inverse_mdct mdct",
    },
    "graphtf.api.fourier_nd": {
        "": "fftnd=fftnd_kernel ifftnd=ifftnd_kernel rfftnd=rfftnd_kernel irfftnd=irfftnd_kernel",
        "signal": "fftnd ifftnd rfftnd irfftnd",
    },
    "graphtf.api.signal": {
        "signal": "fft fft2d fft3d ifft ifft2d ifft3d rfft rfft2d rfft3d irfft irfft2d irfft3d fftshift ifftshift "
        "hann_window hamming_window kaiser_bessel_derived_window kaiser_window vorbis_window frame overlap_and_add "
        "stft inverse_stft inverse_stft_window_fn",
    },
}
