# ruff: noqa: E501 - a table, one row a line.
"""For every field of the spec: the test that sees its effect, and where it differs from TAO's.

A test proves that no field is missing here and that every test named here is there.
"""

_ONE_CHOICE = "test_field_list::test_a_choice_that_is_not_offered_is_refused"
_RESULTS = "test_segformer_cli::test_the_results_folder_is_the_actions_own_or_below"
_FLIP = "test_augment::test_flips_move_image_and_mask_together"
_TURN = "test_augment::test_quarter_turns_are_exact"
_COLOUR = "test_augment::test_colour_changes_the_image_alone"
_SCALE = "test_augment::test_scaling_keeps_size_and_pads_with_ignored"
_APPLIES = "test_backbones::test_a_field_that_cannot_apply_is_refused"
_TOPK = "test_topk::test_the_best_epochs_by_the_metric_are_kept_in_full"
_NAMED = "test_topk::test_monitor_name_of_the_optimiser_names_the_metric"
_WANDB = "test_wandb_run::test_every_field_reaches_the_run_and_every_epoch_is_logged"
_VARIED = "test_train_fields::test_the_field_changes_the_weights_that_come_out"
_EITHER_SIZE = "test_onnx::test_height_and_width_may_differ_but_are_not_evaluated"
_OTHER_ENGINE = "test_engine_has_the_name_and_the_batches_of_the_spec"
_AUGMENTATION = "dataset.segment.augmentation"

TESTS: dict[str, str] = {
    "results_dir": _RESULTS,
    "model_name": "test_segformer_spec::test_a_model_name_of_another_network_is_refused",
    "encryption_key": "test_encryption::test_checkpoints_are_encrypted_and_the_key_is_in_no_file",
    "dataset.segment.dataset": _ONE_CHOICE,
    "dataset.segment.root_dir": "test_segformer_cli::test_train_checks_the_data_first",
    "dataset.segment.num_classes": "test_saved::test_other_number_of_classes_is_refused_with_the_right_one",
    "dataset.segment.img_size": "test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    "dataset.segment.batch_size": "test_loop::test_last_batch_of_any_size_is_trained_on",
    "dataset.segment.workers": "test_dataset::test_workers_change_nothing",
    "dataset.segment.shuffle": "test_sampler::test_without_shuffle_the_order_is_that_of_the_names",
    "dataset.segment.train_split": "test_dataset::test_a_role_has_its_folder",
    "dataset.segment.validation_split": "test_dataset::test_a_role_has_its_folder",
    "dataset.segment.test_split": "test_dataset::test_a_role_has_its_folder",
    "dataset.segment.predict_split": "test_inference::test_the_images_of_a_split_need_no_masks",
    "dataset.segment.label_transform": "test_labels::test_norm_divides_0_and_255",
    "dataset.segment.palette": "test_labels::test_a_palette_of_colours_maps_and_may_ignore",
    "dataset.segment.ignore_index": "test_labels::test_an_ignored_value_never_counts",
    f"{_AUGMENTATION}.mean": "test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    f"{_AUGMENTATION}.std": "test_dataset::test_an_item_is_normalised_and_of_the_spec_size",
    f"{_AUGMENTATION}.random_flip.enable": "test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_flip.hflip_probability": _FLIP,
    f"{_AUGMENTATION}.random_flip.vflip_probability": _FLIP,
    f"{_AUGMENTATION}.random_rotate.enable": "test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_rotate.rotate_probability": _TURN,
    f"{_AUGMENTATION}.random_rotate.angle_list": "test_augment::test_every_angle_of_the_list_is_drawn",
    f"{_AUGMENTATION}.random_color.enable": "test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.random_color.color_probability": "test_augment::test_color_probability_is_kept",
    f"{_AUGMENTATION}.random_color.brightness": _COLOUR,
    f"{_AUGMENTATION}.random_color.contrast": _COLOUR,
    f"{_AUGMENTATION}.random_color.saturation": _COLOUR,
    f"{_AUGMENTATION}.random_color.hue": _COLOUR,
    f"{_AUGMENTATION}.with_scale_random_crop.enable": "test_augment::test_everything_off_changes_nothing",
    f"{_AUGMENTATION}.with_scale_random_crop.scale_range": _SCALE,
    f"{_AUGMENTATION}.with_random_blur": "test_augment::test_blur_leaves_the_mask",
    f"{_AUGMENTATION}.with_random_crop": "test_augment::test_a_crop_keeps_size_classes_and_most_of_the_area",
    "model.backbone.type": "test_network::test_parameters_and_maps_are_as_published",
    "model.backbone.freeze_backbone": "test_network::test_norms_of_a_frozen_encoder_keep_their_statistics",
    "model.backbone.pretrained_backbone_path": "test_train_fields::test_encoder_starts_from_the_weights_given",
    "model.backbone.feat_downsample": "test_fan::test_last_map_is_halved_by_maximum_or_by_a_convolution",
    "model.decode_head.decoder_params.embed_dim": "test_network::test_head_has_the_width_of_the_spec_or_the_published_one",
    "model.decode_head.align_corners": "test_network::test_corners_of_the_spec_reach_the_head",
    "model.decode_head.feature_strides": _APPLIES,
    "model.decode_head.in_channels": _APPLIES,
    "model.decode_head.in_index": "test_network::test_head_reads_the_maps_of_in_index",
    "model.activation_checkpoint": "test_network::test_recomputed_activations_are_not_kept",
    "model.precise_msda": _APPLIES,
    "train.num_epochs": "test_loop::test_every_epoch_is_reported_with_all_metrics",
    "train.checkpoint_interval": "test_checkpoint::test_last_is_written_every_interval_and_at_the_end",
    "train.checkpoint_interval_unit": "test_checkpoint::test_steps_are_a_unit_of_the_interval",
    "train.validation_interval": "test_loop::test_epochs_without_validation_are_not_reported",
    "train.seed": "test_train_fields::test_a_seed_of_minus_1_is_drawn_once_and_recorded",
    "train.precision": "test_train_fields::test_precision_is_the_trainers",
    "train.accumulate_grad_batches": _VARIED,
    "train.clip_grad_norm": "test_train_fields::test_no_step_goes_beyond_the_clipped_norm",
    "train.results_dir": _RESULTS,
    "train.resume_training_checkpoint_path": "test_loop::test_training_resumed_in_another_folder_takes_its_files_along",
    "train.pretrained_model_path": "test_loop::test_training_starts_from_the_weights_of_another",
    "train.optim.optim": "test_optim::test_momentum_has_an_effect_on_every_optimiser",
    "train.optim.lr": "test_optim::test_head_learns_ten_times_as_fast_and_biases_and_norms_do_not_decay",
    "train.optim.momentum": "test_optim::test_momentum_has_an_effect_on_every_optimiser",
    "train.optim.weight_decay": "test_optim::test_head_learns_ten_times_as_fast_and_biases_and_norms_do_not_decay",
    "train.optim.policy": "test_optim::test_cosine_policy_is_half_a_wave",
    "train.optim.power": "test_optim::test_poly_policy_is_a_power_of_the_steps_left",
    "train.optim.warm_up_share": "test_optim::test_warm_up_share_is_that_of_the_steps_in_which_the_rate_rises",
    "train.optim.monitor_name": _NAMED,
    "train.segment.loss": "test_losses::test_gradients_are_numbers_and_lessen_the_loss",
    "train.segment.weights": "test_losses::test_a_class_of_weight_0_has_no_part",
    "train.segment.iou_weight": "test_losses::test_iou_weight_is_the_share_of_the_second_term",
    "train.ema.enable": "test_average::test_average_is_what_is_validated_and_kept_as_best",
    "train.ema.decay": "test_average::test_average_takes_in_each_step_by_the_decay",
    "train.cudnn.benchmark": "test_train_fields::test_settings_of_cudnn_are_torchs_while_it_trains",
    "train.cudnn.deterministic": "test_train_fields::test_settings_of_cudnn_are_torchs_while_it_trains",
    "train.checkpointer.enable_topk": _TOPK,
    "train.checkpointer.save_top_k": _TOPK,
    "train.checkpointer.monitor": _TOPK,
    "train.checkpointer.mode": _TOPK,
    "train.checkpointer.filename": _NAMED,
    "train.checkpointer.auto_insert_metric_name": _NAMED,
    "train.checkpointer.dirpath": _NAMED,
    "train.checkpointer.replace_periodic": "test_topk::test_replaced_periodic_checkpoints_leave_the_best_epochs_to_go_on_from",
    "train.enable_lr_monitor": "test_train_fields::test_learning_rates_are_told_when_asked_for",
    "train.tensorboard.enabled": "test_tensorboard::test_event_files_hold_steps_and_epochs",
    "train.tensorboard.infrequent_logging_frequency": "test_tensorboard::test_histograms_come_every_so_many_epochs",
    **{
        f"wandb.{name}": _WANDB
        for name in (
            *("enable", "project", "entity", "group", "name", "run_id", "tags", "reinit"),
            *("save_code", "sync_tensorboard"),
        )
    },
    **{
        f"{action}.{name}": f"test_topology::{test}"
        for action in ("train", "evaluate", "inference")
        for name, test in {
            "num_gpus": "test_processes_on_the_cpu_are_had_by_asking_for_them",
            "gpu_ids": "test_gpu_numbers_must_be_as_many_as_gpus",
            "num_nodes": "test_nodes_of_the_spec_need_no_world_size",
            "accelerator": "test_processes_on_the_cpu_are_had_by_asking_for_them",
        }.items()
    },
    "train.distributed_strategy": "test_distributed::test_several_processes_have_the_strategy_of_the_spec",
    "train.sync_batchnorm": "test_distributed::test_norms_are_shared_by_torchs_own_on_gpus_and_by_ours_on_the_cpu",
    "train.use_distributed_sampler": "test_parallel::test_metrics_are_those_of_one_process_on_the_same_data",
    "dataset.segment.quant_calibration_dataset.images_dir": "test_quantize::test_calibration_images_come_from_a_folder_or_tao_layout",
    "quantize.model_path": "test_quantize::test_checkpoint_is_exported_and_measured_before_and_after",
    "quantize.backend": "test_quantize::test_weights_alone_are_quantized_by_torchao_and_load_again",
    "quantize.mode": "test_quantize::test_settings_that_do_not_go_together_are_refused",
    "quantize.algorithm": "test_quantize::test_each_algorithm_gives_scales_of_its_own",
    "quantize.device": "test_quantize::test_model_for_tensorrt_has_no_zero_points_and_biases_in_32_bits",
    "quantize.layers": "test_quantize::test_skipped_and_chosen_layers_are_what_is_quantized",
    "quantize.skip_names": "test_quantize::test_skipped_and_chosen_layers_are_what_is_quantized",
    "quantize.percentile": "test_quantize::test_percentile_decides_the_scales",
    "quantize.calibration_images": "test_quantize::test_chosen_images_are_spread_over_all",
    "quantize.max_miou_drop": "test_quantize::test_model_that_loses_too_much_is_refused_and_kept_aside",
    "quantize.force": "test_quantize::test_existing_file_is_replaced_by_force_only",
    "quantize.results_dir": _RESULTS,
    **{
        f"gen_trt_engine.{name}": f"test_engine::{test}"
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
    "evaluate.checkpoint": "test_evaluate::test_best_checkpoint_scores_as_in_training",
    "evaluate.trt_engine": "test_evaluate::test_one_model_only_and_of_a_known_kind",
    "evaluate.batch_size": "test_evaluate::test_best_checkpoint_scores_as_in_training",
    "evaluate.split": "test_evaluate::test_metrics_of_the_test_split_are_named_so",
    "evaluate.vis_after_n_batches": "test_evaluate::test_pictures_are_of_every_nth_batch_and_show_image_prediction_and_truth",
    "evaluate.latency.runs": "test_latency::test_a_model_is_timed_as_often_as_asked",
    "evaluate.latency.batch_size": "test_latency::test_a_larger_batch_takes_longer_and_is_told",
    "evaluate.latency.threads": "test_latency::test_threads_are_those_asked_for_and_given_back",
    "evaluate.results_dir": _RESULTS,
    "inference.checkpoint": "test_inference::test_a_mask_is_what_the_model_says_of_the_image_as_in_evaluation",
    "inference.trt_engine": "test_evaluate::test_one_model_only_and_of_a_known_kind",
    "inference.images_dir": "test_inference::test_every_image_of_a_folder_gets_a_mask_of_its_own_size",
    "inference.batch_size": "test_inference::test_every_image_of_a_folder_gets_a_mask_of_its_own_size",
    "inference.vis_after_n_batches": "test_inference::test_overlays_are_of_every_nth_batch",
    "inference.results_dir": _RESULTS,
    "export.checkpoint": "test_onnx::test_exported_files_score_as_the_checkpoint",
    "export.onnx_file": "test_onnx::test_file_name_is_the_specs_and_no_part_is_left",
    "export.format": _ONE_CHOICE,
    "export.batch_size": "test_onnx::test_fixed_batch_size_is_fixed_and_can_be_evaluated",
    "export.input_height": _EITHER_SIZE,
    "export.input_width": _EITHER_SIZE,
    "export.input_channel": "test_onnx::test_model_of_one_channel_sees_what_it_would_of_grey_rgb",
    "export.opset_version": "test_onnx::test_operator_set_is_the_specs",
    "export.on_cpu": "test_onnx::test_on_cpu_gives_the_same_model",
    "export.gpu_id": "test_onnx_device::test_gpu_that_is_not_there_is_refused",
    "export.serialize_nvdsinfer": "test_onnx::test_deepstream_files_scale_as_training_does",
    "export.force": "test_onnx::test_force_replaces_an_earlier_export",
    "export.verbose": "test_onnx::test_verbose_tells_of_the_model_on_stderr",
    "export.results_dir": _RESULTS,
}  # fmt: skip
"""Dotted key -> test file::test, in tests/segformer/."""

DIFFERENCES: dict[str, str] = {
    "model.backbone.type": "TAO's is fan_small_12_p4_hybrid; ours is the lightest, as it has to run on a CPU too",
    "model.decode_head.decoder_params.embed_dim": "TAO's is 768 for all; null: as published, 256 for mit_b0 and mit_b1",
    "model.decode_head.in_channels": "TAO's list is that of one backbone; null: the backbone's own",
    "train.segment.weights": "TAO's has 5 entries for 2 classes and no effect; one must be given for each class",
    "quantize.backend": "TAO's is torchao, which gives no ONNX model; ours gives one that can be deployed",
    "quantize.mode": "TAO's is that of torchao; ours that of the default backend",
    "quantize.device": "TAO's is cuda; ours is what every machine has",
    "wandb.enable": "TAO's is true; nothing is sent anywhere unless it is asked for",
}  # fmt: skip
"""Dotted key -> why our default is not TAO's."""
