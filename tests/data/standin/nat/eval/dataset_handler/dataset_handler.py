"""Stand-in for the reader of datasets of the toolkit."""

import os
import time
from types import SimpleNamespace


class DatasetHandler:
    def __init__(self, dataset_config, reps, concurrency):
        assert (reps, concurrency) == (1, 1)
        self.count = dataset_config.count

    def get_eval_input_from_dataset(self, dataset):
        assert dataset is None
        print("what is printed is no item", flush=True)
        if self.count < 0:
            raise RuntimeError(f"the storage refused {os.environ['S3_SECRET_KEY']}")
        while self.count > 1000:
            with open("readers", "a") as file:
                file.write(f"{os.getpid()}\n")
            time.sleep(0.05)
        items = [SimpleNamespace(id=index, input_obj=f"question\n{index}") for index in range(self.count)]
        return SimpleNamespace(eval_input_items=items)
