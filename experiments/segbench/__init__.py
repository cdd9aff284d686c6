"""SegBench-micro: real learning curves of small segmentation trainings."""
