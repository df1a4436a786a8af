"""The names that notebook 09 imports from its own room."""

from typing import TYPE_CHECKING

from ssl_explain.lessons import lazy

if TYPE_CHECKING:
    from ssl_explain.lessons.real_images.directions import bottom_operator, one_of, points_of, views_at
    from ssl_explain.lessons.real_images.directions_explorer import (
        STRENGTHS,
        TRAINED,
        DirectionsState,
        directions_explorer,
        student,
        sweep_of,
    )
    from ssl_explain.lessons.real_images.exercises import after_training, no_augmentation, patterns
    from ssl_explain.lessons.real_images.explorer import PicturesState, pictures_explorer
    from ssl_explain.lessons.real_images.picture import figure_over_strength, figure_spectra
    from ssl_explain.lessons.real_images.step_explorer import (
        STEP_STRENGTHS,
        RealStepState,
        all_strengths,
        real_step_explorer,
    )
    from ssl_explain.lessons.real_images.training_picture import figure_losses, figure_strength, named_losses
    from ssl_explain.lessons.real_images.views_explorer import ViewsState, views_explorer

lazy(__name__)
