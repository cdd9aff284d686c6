# ruff: noqa: E501 - a table, one row a line.
"""For every field of the spec: the test that sees its effect."""

_ONE_CHOICE = "describe/test_field_list::test_a_choice_that_is_not_offered_is_refused"
_RESULTS = "test_cli::test_the_results_folder_is_the_actions_own_or_below"
_FLIP = "data/test_augment::test_flips_move_image_and_mask_together"
_TURN = "data/test_augment::test_quarter_turns_are_exact"
_COLOUR = "data/test_augment::test_colour_changes_the_image_alone"
_SCALE = "data/test_augment::test_scaling_keeps_size_and_pads_with_ignored"
_APPLIES = "spec/test_backbones::test_a_field_that_cannot_apply_is_refused"
_TOPK = (
    "training/callbacks/test_top_checkpoints::test_the_best_epochs_by_the_metric_are_kept_in_full"
)
_NAMED = (
    "training/callbacks/test_top_checkpoints::test_monitor_name_of_the_optimiser_names_the_metric"
)
_WANDB = "training/callbacks/test_wandb::test_every_field_reaches_the_run_and_every_epoch_is_logged"
_VARIED = "spec/sections/test_train::test_the_field_changes_the_weights_that_come_out"
_EITHER_SIZE = "export/test_onnx::test_height_and_width_may_differ_but_are_not_evaluated"
_OTHER_ENGINE = "test_engine_has_the_name_and_the_batches_of_the_spec"
_AUGMENTATION = "dataset.segment.augmentation"

TESTS: dict[str, str] = {
    "results_dir": _RESULTS,
    "model_name": "spec/test_spec::test_a_model_name_of_another_network_is_refused",
    "encryption_key": "storage/test_encrypted_actions::test_checkpoints_are_encrypted_and_the_key_is_in_no_file",
    "dataset.segment.dataset": _ONE_CHOICE,
    "dataset.segment.root_dir": "test_cli::test_train_checks_the_data_first",
    "dataset.segment.num_classes": "model/test_saved::test_other_number_of_classes_is_refused_with_the_right_one",
    "dataset.segment.img_size": "data/test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    "dataset.segment.batch_size": "training/test_loop::test_last_batch_of_any_size_is_trained_on",
    "dataset.segment.workers": "data/test_dataset::test_workers_change_nothing",
    "dataset.segment.shuffle": "data/test_sampler::test_without_shuffle_the_order_is_that_of_the_names",
    "dataset.segment.train_split": "data/test_dataset::test_a_role_has_its_folder",
    "dataset.segment.validation_split": "data/test_dataset::test_a_role_has_its_folder",
    "dataset.segment.test_split": "data/test_dataset::test_a_role_has_its_folder",
    "dataset.segment.predict_split": "evaluation/test_inference::test_the_images_of_a_split_need_no_masks",
    "dataset.segment.label_transform": "data/test_labels::test_norm_divides_0_and_255",
    "dataset.segment.palette": "data/test_labels::test_a_palette_of_colours_maps_and_may_ignore",
    "dataset.segment.ignore_index": "data/test_labels::test_an_ignored_value_never_counts",
    f"{_AUGMENTATION}.mean": "data/test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    f"{_AUGMENTATION}.std": "data/test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    f"{_AUGMENTATION}.random_flip.enable": "data/test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_flip.hflip_probability": _FLIP,
    f"{_AUGMENTATION}.random_flip.vflip_probability": _FLIP,
    f"{_AUGMENTATION}.random_rotate.enable": "data/test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_rotate.rotate_probability": _TURN,
    f"{_AUGMENTATION}.random_rotate.angle_list": "data/test_augment::test_every_angle_of_the_list_is_drawn",
    f"{_AUGMENTATION}.random_color.enable": "data/test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_color.color_probability": "data/test_augment::test_color_probability_is_kept",
    f"{_AUGMENTATION}.random_color.brightness": _COLOUR,
    f"{_AUGMENTATION}.random_color.contrast": _COLOUR,
    f"{_AUGMENTATION}.random_color.saturation": _COLOUR,
    f"{_AUGMENTATION}.random_color.hue": _COLOUR,
    f"{_AUGMENTATION}.with_scale_random_crop.enable": "data/test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.with_scale_random_crop.scale_range": _SCALE,
    f"{_AUGMENTATION}.with_random_blur": "data/test_augment::test_blur_leaves_the_mask",
    f"{_AUGMENTATION}.with_random_crop": "data/test_augment::test_a_crop_keeps_size_classes_and_most_of_the_area",
    "model.backbone.type": "model/test_segformer::test_parameters_and_maps_are_as_published",
    "model.backbone.freeze_backbone": "model/test_segformer::test_norms_of_a_frozen_encoder_keep_their_statistics",
    "model.backbone.pretrained_backbone_path": "spec/sections/test_train::test_encoder_starts_from_the_weights_given",
    "model.backbone.feat_downsample": "model/encoders/test_fan::test_last_map_is_halved_by_maximum_or_by_a_convolution",
    "model.decode_head.decoder_params.embed_dim": "model/test_segformer::test_head_has_the_width_of_the_spec_or_the_published_one",
    "model.decode_head.align_corners": "model/test_segformer::test_corners_of_the_spec_reach_the_head",
    "model.decode_head.feature_strides": _APPLIES,
    "model.decode_head.in_channels": _APPLIES,
    "model.decode_head.in_index": "model/test_segformer::test_head_reads_the_maps_of_in_index",
    "model.activation_checkpoint": "model/test_segformer::test_recomputed_activations_are_not_kept",
    "model.precise_msda": _APPLIES,
    "train.num_epochs": "training/test_loop::test_every_epoch_is_reported_with_all_metrics",
    "train.checkpoint_interval": "training/callbacks/test_checkpoint::test_last_is_written_every_interval_and_at_the_end",
    "train.checkpoint_interval_unit": "training/callbacks/test_checkpoint::test_steps_are_a_unit_of_the_interval",
    "train.validation_interval": "training/test_loop::test_epochs_without_validation_are_not_reported",
    "train.seed": "spec/sections/test_train::test_a_seed_of_minus_1_is_drawn_once_and_recorded",
    "train.precision": "spec/sections/test_train::test_half_precision_without_a_gpu_is_refused_with_the_reason",
    "train.accumulate_grad_batches": _VARIED,
    "train.clip_grad_norm": "spec/sections/test_train::test_no_step_goes_beyond_the_clipped_norm",
    "train.results_dir": _RESULTS,
    "train.resume_training_checkpoint_path": "training/test_resume::test_training_resumed_in_another_folder_takes_its_files_along",
    "train.pretrained_model_path": "training/test_loop::test_training_starts_from_the_weights_of_another",
    "train.optim.optim": "training/test_optim::test_momentum_has_an_effect_on_every_optimiser",
    "train.optim.lr": "training/test_optim::test_head_learns_ten_times_as_fast_and_biases_and_norms_do_not_decay",
    "train.optim.momentum": "training/test_optim::test_momentum_has_an_effect_on_every_optimiser",
    "train.optim.weight_decay": "training/test_optim::test_head_learns_ten_times_as_fast_and_biases_and_norms_do_not_decay",
    "train.optim.policy": "training/test_optim::test_cosine_policy_is_half_a_wave",
    "train.optim.power": "training/test_optim::test_poly_policy_is_a_power_of_the_steps_left",
    "train.optim.warm_up_share": "training/test_optim::test_warm_up_share_is_that_of_the_steps_in_which_the_rate_rises",
    "train.optim.monitor_name": _NAMED,
    "train.segment.loss": "training/test_losses::test_gradients_are_numbers_and_lessen_the_loss",
    "train.segment.weights": "training/test_losses::test_a_class_of_weight_0_has_no_part",
    "train.segment.iou_weight": "training/test_losses::test_iou_weight_is_the_share_of_the_second_term",
    "train.ema.enable": "training/callbacks/test_average::test_average_is_what_is_validated_and_kept_as_best",
    "train.ema.decay": "training/callbacks/test_average::test_average_takes_in_each_step_by_the_decay",
    "train.cudnn.benchmark": "spec/sections/test_train::test_settings_of_cudnn_are_torchs_while_it_trains",
    "train.cudnn.deterministic": "spec/sections/test_train::test_settings_of_cudnn_are_torchs_while_it_trains",
    "train.checkpointer.enable_topk": _TOPK,
    "train.checkpointer.save_top_k": _TOPK,
    "train.checkpointer.monitor": _TOPK,
    "train.checkpointer.mode": _TOPK,
    "train.checkpointer.filename": _NAMED,
    "train.checkpointer.auto_insert_metric_name": _NAMED,
    "train.checkpointer.dirpath": _NAMED,
    "train.checkpointer.replace_periodic": "training/callbacks/test_top_checkpoints::test_replaced_periodic_checkpoints_leave_the_best_epochs_to_go_on_from",
    "train.enable_lr_monitor": "spec/sections/test_train::test_learning_rates_are_told_when_asked_for",
    "train.tensorboard.enabled": "training/callbacks/test_tensorboard::test_event_files_hold_steps_and_epochs",
    "train.tensorboard.infrequent_logging_frequency": "training/callbacks/test_tensorboard::test_histograms_come_every_so_many_epochs",
    **{
        f"wandb.{name}": _WANDB
        for name in (
            *("enable", "project", "entity", "group", "name", "run_id", "tags", "reinit"),
            *("save_code", "sync_tensorboard"),
        )
    },
    **{
        f"{action}.{name}": f"parallel/test_topology::{test}"
        for action in ("train", "evaluate", "inference")
        for name, test in {
            "num_gpus": "test_processes_on_the_cpu_are_had_by_asking_for_them",
            "gpu_ids": "test_gpu_numbers_must_be_as_many_as_gpus",
            "num_nodes": "test_nodes_of_the_spec_need_no_world_size",
            "accelerator": "test_processes_on_the_cpu_are_had_by_asking_for_them",
        }.items()
    },
    "train.distributed_strategy": "training/test_trainer::test_several_processes_have_the_strategy_of_the_spec",
    "train.sync_batchnorm": "training/test_trainer::test_norms_are_shared_by_torchs_own_on_gpus_and_by_ours_on_the_cpu",
    "train.use_distributed_sampler": "parallel/test_launch::test_metrics_are_those_of_one_process_on_the_same_data",
    "dataset.segment.quant_calibration_dataset.images_dir": "quantization/test_calibration::test_calibration_images_come_from_a_folder_or_tao_layout",
    "quantize.model_path": "quantization/test_quantize::test_checkpoint_is_exported_and_measured_before_and_after",
    "quantize.backend": "quantization/test_quantize::test_weights_alone_are_quantized_by_torchao_and_load_again",
    "quantize.mode": "quantization/test_quantize::test_settings_that_do_not_go_together_are_refused",
    "quantize.algorithm": "quantization/test_qdq::test_each_algorithm_gives_scales_of_its_own",
    "quantize.device": "quantization/test_qdq::test_model_for_tensorrt_has_no_zero_points_and_biases_in_32_bits",
    "quantize.layers": "quantization/test_qdq::test_skipped_and_chosen_layers_are_what_is_quantized",
    "quantize.skip_names": "quantization/test_qdq::test_skipped_and_chosen_layers_are_what_is_quantized",
    "quantize.percentile": "quantization/test_qdq::test_percentile_decides_the_scales",
    "quantize.calibration_images": "quantization/test_qdq::test_as_many_images_calibrate_as_the_spec_says",
    "quantize.max_miou_drop": "quantization/test_quantize::test_model_that_loses_more_than_the_spec_allows_is_refused_and_kept_aside",
    "quantize.force": "quantization/test_quantize::test_existing_file_is_replaced_by_force_only",
    "quantize.results_dir": _RESULTS,
    **{
        f"gen_trt_engine.{name}": f"engine/test_engine::{test}"
        for name, test in {
            "onnx_file": "test_file_that_is_no_onnx_is_refused",
            "batch_size": "test_what_cannot_be_built_is_refused",
            "tensorrt.data_type": "test_every_precision_is_built",
            "trt_engine": _OTHER_ENGINE,
            "gpu_id": "test_gpu_that_has_no_part_in_it_is_refused",
            "verbose": "test_verbose_shows_what_tensorrt_says",
            "tensorrt.workspace_size": "test_workspace_too_small_for_the_engine_is_told",
            "tensorrt.min_batch_size": _OTHER_ENGINE,
            "tensorrt.calibration.cal_batch_size": "test_images_to_calibrate_on_are_batches_of_their_size",
            "tensorrt.opt_batch_size": "test_profile_must_not_fall",
            "tensorrt.max_batch_size": "test_engine_is_built_and_its_facts_lie_beside_it",
            "tensorrt.layers_precision": "test_layers_of_another_precision_keep_it",
            "tensorrt.calibration.cal_image_dir": "test_calibration_writes_a_cache_that_stands_in_for_images",
            "tensorrt.calibration.cal_batches": "test_too_few_images_to_calibrate_are_refused",
            "tensorrt.calibration.cal_cache_file": "test_calibration_writes_a_cache_that_stands_in_for_images",
            "tensorrt.compute_capabilities": "test_engine_is_built_and_its_facts_lie_beside_it",
            "timing_cache": "test_timing_cache_is_refused_where_no_timings_are_taken",
            "force": "test_engine_is_not_overwritten_but_by_force",
        }.items()
    },
    "gen_trt_engine.results_dir": _RESULTS,
    "evaluate.checkpoint": "evaluation/test_evaluate::test_best_checkpoint_scores_as_in_training",
    "evaluate.trt_engine": "evaluation/test_evaluate::test_one_model_only_and_of_a_known_kind",
    "evaluate.batch_size": "evaluation/test_evaluate::test_best_checkpoint_scores_as_in_training",
    "evaluate.split": "evaluation/test_evaluate::test_metrics_of_the_test_split_are_named_so",
    "evaluate.vis_after_n_batches": "evaluation/test_evaluate::test_pictures_are_of_every_nth_batch_and_show_image_prediction_and_truth",
    "evaluate.latency.runs": "evaluation/test_latency::test_a_model_is_timed_as_often_as_asked",
    "evaluate.latency.batch_size": "evaluation/test_latency::test_a_larger_batch_takes_longer_and_is_told",
    "evaluate.latency.threads": "evaluation/test_latency::test_threads_are_those_asked_for_and_given_back",
    "evaluate.results_dir": _RESULTS,
    "inference.checkpoint": "evaluation/test_inference::test_a_mask_is_what_the_model_says_of_the_image_as_in_evaluation",
    "inference.trt_engine": "evaluation/test_evaluate::test_one_model_only_and_of_a_known_kind",
    "inference.images_dir": "evaluation/test_inference::test_every_image_of_a_folder_gets_a_mask_of_its_own_size",
    "inference.batch_size": "evaluation/test_inference::test_every_image_of_a_folder_gets_a_mask_of_its_own_size",
    "inference.vis_after_n_batches": "evaluation/test_inference::test_overlays_are_of_every_nth_batch",
    "inference.results_dir": _RESULTS,
    "export.checkpoint": "export/test_onnx::test_exported_files_score_as_the_checkpoint",
    "export.onnx_file": "export/test_onnx::test_file_name_is_the_specs_and_no_part_is_left",
    "export.format": _ONE_CHOICE,
    "export.batch_size": "export/test_onnx::test_fixed_batch_size_is_fixed_and_can_be_evaluated",
    "export.input_height": _EITHER_SIZE,
    "export.input_width": _EITHER_SIZE,
    "export.input_channel": "export/test_onnx::test_model_of_one_channel_sees_what_it_would_of_grey_rgb",
    "export.opset_version": "export/test_onnx::test_operator_set_is_the_specs",
    "export.on_cpu": "export/test_onnx::test_on_cpu_gives_the_same_model",
    "export.gpu_id": "export/test_onnx::test_gpu_that_is_not_there_is_refused",
    "export.serialize_nvdsinfer": "export/test_onnx::test_deepstream_files_scale_as_training_does",
    "export.force": "export/test_onnx::test_force_replaces_an_earlier_export",
    "export.verbose": "export/test_onnx::test_verbose_tells_of_the_model_on_stderr",
    "export.results_dir": _RESULTS,
}  # fmt: skip
"""Dotted key -> test file::test, in tests/segformer/."""
