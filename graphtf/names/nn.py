"""Names of neural networks and random numbers."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "graphtf.api.activation": {
        "nn": "relu relu6 leaky_relu elu selu gelu silu swish=silu crelu softmax log_softmax",
        "math": "softmax log_softmax",
    },
    "graphtf.api.losses": {
        "nn": "softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits "
        "sigmoid_cross_entropy_with_logits weighted_cross_entropy_with_logits l2_loss log_poisson_loss "
        "compute_average_loss scale_regularization_loss",
    },
    "graphtf.api.normalization": {
        "nn": "bias_add moments sufficient_statistics normalize_moments weighted_moments batch_normalization "
        "batch_norm_with_global_normalization l2_normalize local_response_normalization "
        "lrn=local_response_normalization",
        "math": "l2_normalize",
        "linalg": "l2_normalize",
        "compat.v1.nn": "fused_batch_norm",
    },
    "graphtf.api.conv": {
        "nn": "conv1d conv2d conv3d convolution conv1d_transpose conv2d_transpose conv3d_transpose conv_transpose "
        "atrous_conv2d atrous_conv2d_transpose depthwise_conv2d depthwise_conv2d_backprop_input "
        "depthwise_conv2d_backprop_filter separable_conv2d",
    },
    "graphtf.api.lookup": {
        "nn": "embedding_lookup approx_max_k approx_min_k isotonic_regression",
        "math": "approx_max_k approx_min_k",
    },
    "graphtf.api.morphology": {
        "nn": "max_pool_with_argmax dilation2d erosion2d",
    },
    "graphtf.api.sparse_lookup": {
        "nn": "embedding_lookup_sparse safe_embedding_lookup_sparse",
    },
    "graphtf.api.sampled_losses": {
        "nn": "compute_accidental_hits nce_loss sampled_softmax_loss",
    },
    "graphtf.api.ctc": {
        "nn": "ctc_beam_search_decoder ctc_greedy_decoder ctc_loss ctc_unique_labels",
    },
    "graphtf.api.pooling": {
        "nn": "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d max_pool avg_pool pool "
        "space_to_depth depth_to_space",
    },
    "graphtf.api.fractional": {
        "nn": "fractional_max_pool fractional_avg_pool",
    },
    "graphtf.api.random": {
        "random": "uniform normal truncated_normal shuffle stateless_uniform stateless_normal "
        "stateless_truncated_normal split fold_in",
        "random.experimental": "stateless_split=split stateless_fold_in=fold_in",
        "nn": "dropout",
        "nn.experimental": "general_dropout stateless_dropout",
    },
    "graphtf.api.generator": {
        "random": "Generator Algorithm create_rng_state get_global_generator set_global_generator",
        "random.experimental": "Generator Algorithm create_rng_state get_global_generator set_global_generator",
    },
    "graphtf.api.categorical": {
        "random": "categorical stateless_categorical",
    },
    "graphtf.api.initializers": {
        "": "zeros_initializer=Zeros ones_initializer=Ones constant_initializer=Constant "
        "random_uniform_initializer=RandomUniform random_normal_initializer=RandomNormal",
    },
    "graphtf.api.random_state": {
        "random": "set_seed",
    },
    "graphtf.api.random_discrete": {
        "random": "uniform_candidate_sampler log_uniform_candidate_sampler all_candidate_sampler "
        "fixed_unigram_candidate_sampler learned_unigram_candidate_sampler",
        "": "random_index_shuffle",
        "nn": "all_candidate_sampler fixed_unigram_candidate_sampler learned_unigram_candidate_sampler",
        "random.experimental": "index_shuffle stateless_shuffle",
    },
    "graphtf.api.random_rejection": {
        "random": "gamma poisson stateless_gamma stateless_poisson stateless_binomial",
    },
}
